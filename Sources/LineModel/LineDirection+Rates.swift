extension LineDirection {
  /// The rate at which bytes leave; 0 stands for unlimited.
  public var senderRate: UInt32 { clock.baudRate }

  /// The rate that the receiver is set to; 0 reads any.
  public var receiverRate: UInt32 { misreader.receiverRate }

  /// Sets the rates of both ends, which are those of the configuration until then.
  ///
  /// Bytes that have not begun on the wire leave at the sender's new rate; the one that has ends at
  /// its old one. What ends on the wire while the rates differ by more than a UART tolerates is read
  /// as garbage, of which a slower receiver gets fewer bytes and a faster one more. Where one of the
  /// two is unlimited, they never differ.
  ///
  /// The wire has room for `baudRateLimit` and its delays; a sender beyond it may be held back.
  public mutating func setRates(sender: UInt32, receiver: UInt32, at now: UInt64) {
    advance(to: now)
    clock.setRate(sender, at: now, isSending: !transmitBuffer.isEmpty)
    misreader.receiverRate = receiver
  }
}
