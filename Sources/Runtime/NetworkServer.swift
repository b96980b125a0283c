package import NetworkPorts
package import SerialDriver

/// A server of a port, to connect to, and to connect to again.
package struct NetworkServer: Sendable {
  package let address: NetworkAddress
  private let patience: Patience

  /// A signal that comes in while the server is waited for ends that.
  package init(_ address: NetworkAddress, _ signals: borrowing SignalWatcher) {
    self.address = address
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
