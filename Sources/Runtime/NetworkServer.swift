package import NetworkPorts
package import SerialDriver

/// A server of a port, to connect to, and to connect to again.
package struct NetworkServer: Sendable {
  package let address: NetworkAddress
  // The place of a lab that it belongs to is held for as long as anybody may connect.
  private let hold: PlaceHold?
  private let patience: Patience

  /// A signal that comes in while the server is waited for ends that.
  package init(
    _ address: NetworkAddress, _ hold: PlaceHold?, _ signals: borrowing SignalWatcher
  ) {
    self.address = address
    self.hold = hold
    patience = Patience(
      clock: { MonotonicClock.nanoseconds }, interruption: signals.descriptor)
  }

  /// Connects and sets the port up.
  ///
  /// - Throws: `NetworkPortError`.
  package func open(_ settings: PortSettings) throws -> Port {
    .network(try NetworkPort(opening: address, settings, patience))
  }
}
