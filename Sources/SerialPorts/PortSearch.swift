internal import SerialDriver
package import SystemPackage

/// Why a selector does not lead to a port.
package enum PortSearchError: Error, Equatable, Sendable {
  /// Nothing fits; what there is instead.
  case none(PortSelector, among: [PortDescription])
  /// More than one port fits.
  case several(PortSelector, [PortDescription])
}

/// The port that a selector leads to.
package struct FoundPort: Equatable, Sendable {
  /// What to open.
  package var path: FilePath
  /// What is known of it; nil where the path leads to no device, such as a pseudo-terminal.
  package var description: PortDescription?
}

extension PortSelector {
  /// Finds the port among those that are there.
  ///
  /// A path is answered as it is: whether it can be opened is for the one who opens it.
  package func find(among ports: [PortDescription]) throws(PortSearchError) -> FoundPort {
    if case .path(let path) = self {
      return FoundPort(path: path, description: PortSelector.device(at: path, among: ports))
    }
    let matches = ports.filter { $0.hasNode && self.matches($0) }
    guard let match = matches.first else { throw .none(self, among: ports) }
    guard matches.count == 1 else { throw .several(self, matches) }
    return FoundPort(path: match.path, description: match)
  }

  /// The port that a node or link leads to.
  private static func device(
    at path: FilePath, among ports: [PortDescription]
  ) -> PortDescription? {
    guard let file = FileStatus(of: path), file.isCharacterDevice else { return nil }
    return ports.first { port in
      port.hasNode && FileStatus(of: port.path)?.isSameDevice(as: file) == true
    }
  }
}
