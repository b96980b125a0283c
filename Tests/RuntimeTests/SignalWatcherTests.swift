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

  @Test func theMaskIsPutBack() throws {
    let before = isBlocked(SIGTERM)
    finish(try SignalWatcher())
    #expect(isBlocked(SIGTERM) == before)
  }

  private func finish(_ watcher: consuming SignalWatcher) {}
}
