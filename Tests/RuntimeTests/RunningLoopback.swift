import Foundation
import Glibc
import SerialDriver
import Synchronization
import SystemPackage

@testable import Runtime

/// A loopback in a thread of its own, stopped by a pipe.
final class RunningLoopback: Sendable {
  struct Result {
    var aToB = LoopbackStatistics()
    var bToA = LoopbackStatistics()
    var error: LoopbackError?
  }

  private struct State {
    var paths: (a: FilePath, b: FilePath)?
    var result = Result()
  }

  private let state = Mutex(State())
  private let isReady = DispatchSemaphore(value: 0)
  private let isDone = DispatchSemaphore(value: 0)
  private let stopWriter: FileDescriptor

  init(_ configuration: LoopbackConfiguration = LoopbackConfiguration()) throws {
    let (reader, writer) = try FileDescriptor.pipe()
    stopWriter = writer
    Thread { [self] in
      run(configuration, until: OwnedDescriptor(reader.rawValue))
    }.start()
    isReady.wait()
    if let error = state.withLock({ $0.result.error }) { throw error }
  }

  var pathA: FilePath { state.withLock { $0.paths?.a ?? "" } }
  var pathB: FilePath { state.withLock { $0.paths?.b ?? "" } }

  func stop() throws -> Result {
    try stopWriter.close()
    isDone.wait()
    return state.withLock { $0.result }
  }

  private func run(_ configuration: LoopbackConfiguration, until stop: consuming OwnedDescriptor) {
    defer {
      isReady.signal()
      isDone.signal()
    }
    do throws(LoopbackError) {
      var loopback = try Loopback(configuration)
      state.withLock { $0.paths = (loopback.pathA, loopback.pathB) }
      isReady.signal()
      try loopback.run(until: stop.rawValue)
      state.withLock {
        $0.result.aToB = loopback.statisticsAToB
        $0.result.bToA = loopback.statisticsBToA
      }
    } catch {
      state.withLock { $0.result.error = error }
    }
  }
}
