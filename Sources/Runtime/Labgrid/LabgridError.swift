package import SystemPackage

/// Why a place of a lab cannot be used.
package enum LabgridError: Error, Equatable, Sendable {
  /// There is no labgrid-client that could be run.
  case noClient(Errno)
  /// The client says that there is no such place, or needs to know which.
  case noPlace(String, words: String)
  /// The client reaches no coordinator.
  case noCoordinator(words: String)
  /// Somebody else has the place.
  case acquired(String, by: String)
  /// The place has no serial port, or none of this name; these are there.
  case noSerialPort(String, resource: String?, found: [String])
  /// The place has several serial ports, and none was named.
  case severalSerialPorts(String, found: [String])
  /// The exporter has the port, but does not offer it now.
  case notAvailable(String, resource: String)
  /// The port is only to be reached through SSH by this host.
  case behindProxy(String, proxy: String)
  /// Anything else that the client says.
  case failed(String, words: String)
}
