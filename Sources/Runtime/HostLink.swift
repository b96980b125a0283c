internal import Framing
package import LinkLayer

/// Links with the memory of a host.
package enum HostLink {
  /// What a host offers unless told otherwise: long frames cost a clean line least, and a noisy one
  /// gets shorter ones from the sender whatever is offered.
  package static let mtu = 4096
  // What is written and not acknowledged, or received and not read.
  private static let streamByteCount = 1 << 16

  /// Makes an idle link.
  package static func make(_ configuration: LinkConfiguration, mtu: Int = mtu) -> Link {
    Link(
      configuration, frameStorage: ByteStorage(byteCount: mtu),
      sendStorage: ByteStorage(byteCount: streamByteCount),
      receiveStorage: ByteStorage(byteCount: streamByteCount))
  }
}
