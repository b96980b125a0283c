@testable import LineModel

extension LineDirection {
  /// Queues all of `bytes`, which the transmit buffer must have room for, at `now`.
  mutating func send(_ bytes: [UInt8], at now: UInt64) -> Int {
    send(bytes.span, at: now)
  }

  /// Reads at most `limit` bytes at `now`.
  mutating func receive(limit: Int = 1 << 16, at now: UInt64) -> [UInt8] {
    [UInt8](capacity: limit) { receive(into: &$0, at: now) }
  }

  /// Sends all of `bytes` as fast as the line takes them, stepping from arrival to arrival, and
  /// returns what arrived and when the last byte did.
  mutating func carry(_ bytes: [UInt8], from start: UInt64 = 0) -> (bytes: [UInt8], end: UInt64) {
    var received: [UInt8] = []
    var now = start
    var offset = 0
    while true {
      if offset < bytes.count {
        offset += send(Array(bytes[offset..<min(offset + 4096, bytes.count)]), at: now)
      }
      received += receive(at: now)
      if let next = nextArrival {
        now = max(now, next)
      } else if offset == bytes.count {
        return (received, now)
      }
    }
  }
}

/// Bytes without a pattern that a fault could keep by chance.
func sample(_ count: Int) -> [UInt8] {
  var generator = SeededGenerator(seed: 1)
  return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
}

/// A line without limits of speed, on which only the faults under test happen.
func faulty(_ change: (inout LineConfiguration) -> Void) throws(LineConfigurationError)
  -> LineDirection
{
  var configuration = LineConfiguration()
  configuration.baudRate = 0
  change(&configuration)
  return try LineDirection(configuration, seed: 42)
}
