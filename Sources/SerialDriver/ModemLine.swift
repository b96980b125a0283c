/// A line of a serial port that this end sets; both are inverted on the wire of a TTL adapter.
package enum ModemLine: Equatable, Sendable {
  /// Data terminal ready.
  case dtr
  /// Request to send.
  case rts
}
