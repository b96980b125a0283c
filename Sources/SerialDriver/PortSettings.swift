/// How a port is to be opened; always raw, 8 data bits, no parity, one stop bit.
package struct PortSettings: Equatable, Sendable {
  /// Who stops a sender that is too fast.
  package enum FlowControl: Equatable, Sendable {
    case none
    /// In hardware, by the two modem lines.
    case rtsCts
    /// In band; the line is not transparent then: 0x11 and 0x13 are swallowed.
    case xonXoff
  }

  /// Bits a second, above 0; not only the standard rates.
  package var baudRate: UInt32
  /// None by default: a cable of three wires has no RTS and CTS, and would wait for ever.
  package var flowControl = FlowControl.none
  /// Asks the driver to hand over bytes as they come, where it can; ignored where it cannot.
  package var lowLatency = true
  /// Locks out other programs.
  package var exclusive = true

  /// A port at `baudRate` with the defaults above.
  package init(
    baudRate: UInt32, flowControl: FlowControl = .none, lowLatency: Bool = true,
    exclusive: Bool = true
  ) {
    precondition(baudRate > 0, "a rate of 0 would hang up the line")
    self.baudRate = baudRate
    self.flowControl = flowControl
    self.lowLatency = lowLatency
    self.exclusive = exclusive
  }
}
