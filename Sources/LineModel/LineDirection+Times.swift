extension LineDirection {
  /// The earliest time at which `receive` may deliver a byte; nil while nothing is under way.
  ///
  /// Faults may still swallow that byte. Changes with every other call.
  public var nextArrival: UInt64? {
    if !fifo.isEmpty { return now }
    if let first = wire.first {
      guard wire.count <= openBatchByteCount, let fill = openBatchFill else { return first.time }
      return min(first.time, fill)
    }
    return transmitBuffer.isEmpty ? nil : clock.nextEnd + configuration.latencyNanoseconds
  }

  /// The time by which all that was sent has arrived, batches and jitter aside; nil while nothing is
  /// under way.
  public var lastArrival: UInt64? {
    guard transmitBuffer.isEmpty else {
      return clock.end(after: transmitBuffer.count) + configuration.latencyNanoseconds
    }
    return wire.isEmpty ? nextArrival : wire[wire.count - 1].time
  }

  /// Bytes that `send` would take at the time of the last call.
  public var transmitBufferRoom: Int { transmitBuffer.freeCount }

  /// When the transmit buffer will have room for `byteCount` bytes, at most its size, if the receiver
  /// holds nothing back.
  public func timeOfRoom(for byteCount: Int) -> UInt64 {
    precondition(byteCount <= transmitBuffer.capacity, "the transmit buffer is large enough")
    let missing = byteCount - transmitBuffer.freeCount
    return missing > 0 ? clock.end(after: missing) : now
  }

  /// When the last byte that was sent ends on the wire, if the receiver holds nothing back; nil while
  /// the transmitter is idle.
  public var transmitEnd: UInt64? {
    transmitBuffer.isEmpty ? nil : clock.end(after: transmitBuffer.count)
  }

  /// When the bytes in the transmit buffer fill the open batch, if they do.
  private var openBatchFill: UInt64? {
    guard let batch = configuration.batch else { return nil }
    let missing = batch.byteCount - openBatchByteCount
    guard missing <= transmitBuffer.count else { return nil }
    return clock.end(after: missing) + configuration.latencyNanoseconds
  }
}
