import Glibc
import SerialDriver
import SystemPackage
import Testing

@testable import Runtime

/// Each test stays on one thread: a signal sent to a thread is pending there alone.
@Suite(.serialized) struct SignalWatcherTests {
  private func isBlocked(_ signal: CInt) -> Bool {
    var mask = sigset_t()
    #expect(unsafe pthread_sigmask(SIG_BLOCK, nil, &mask) == 0)
    return unsafe sigismember(&mask, signal) == 1
  }

  @Test(
    arguments: [(SIGTERM, .terminate), (SIGHUP, .hangUp), (SIGINT, .interrupt)]
      as [(CInt, EndSignal)])
  func signalsBecomeReadable(signal: CInt, expected: EndSignal) throws {
    let previous = Glibc.signal(signal, SIG_DFL)
    defer { _ = Glibc.signal(signal, previous) }
    let watcher = try SignalWatcher()
    #expect(try watcher.next() == nil)
    #expect(pthread_kill(pthread_self(), signal) == 0)
    var poller = Poller()
    poller.watch(watcher.descriptor, for: .readable)
    try poller.wait(nanoseconds: 10_000_000_000)
    #expect(poller.isReadable(watcher.descriptor))
    #expect(try watcher.next() == expected)
    #expect(try watcher.next() == nil)
    finish(watcher)
  }

  @Test func aSecondInterruptIsNoLongerHeldBack() throws {
    let watcher = try SignalWatcher()
    #expect(isBlocked(SIGINT))
    #expect(pthread_kill(pthread_self(), SIGINT) == 0)
    #expect(try watcher.next() == .interrupt)
    #expect(!isBlocked(SIGINT))
    #expect(isBlocked(SIGTERM))
    finish(watcher)
  }

  @Test func aHangUpThatIsIgnoredIsNotTaken() throws {
    unblock(SIGHUP)
    let previous = Glibc.signal(SIGHUP, SIG_IGN)
    defer { _ = Glibc.signal(SIGHUP, previous) }
    let watcher = try SignalWatcher()
    #expect(pthread_kill(pthread_self(), SIGHUP) == 0)
    #expect(try watcher.next() == nil)
    finish(watcher)
  }

  @Test func theMaskIsPutBack() throws {
    unblock(SIGTERM)
    let watcher = try SignalWatcher()
    #expect(isBlocked(SIGTERM))
    finish(watcher)
    #expect(!isBlocked(SIGTERM))
  }

  /// Test threads come with all signals blocked.
  private func unblock(_ signal: CInt) {
    var mask = sigset_t()
    unsafe sigemptyset(&mask)
    unsafe sigaddset(&mask, signal)
    #expect(unsafe pthread_sigmask(SIG_UNBLOCK, &mask, nil) == 0)
  }

  private func finish(_ watcher: consuming SignalWatcher) {}
}
