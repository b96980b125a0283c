internal import Framing
package import LinkLayer

/// Links with the memory of a host.
package enum HostLink {
  /// What a host offers unless told otherwise: long frames cost a clean line least, and a noisy one
  /// gets shorter ones from the sender whatever is offered.
  package static let mtu = 4096
  /// What is written and not acknowledged, or received and not read.
  package static let streamByteCount = 1 << 16

  /// Makes an idle link that holds `receiveByteCount` received bytes, at least a frame.
  package static func make(
    _ configuration: LinkConfiguration, mtu: Int = mtu, receiveByteCount: Int = streamByteCount
  ) -> Link {
    Link(
      configuration, frameStorage: ByteStorage(byteCount: mtu),
      // Beside each block of 16 bytes a mark of two.
      sendStorage: ByteStorage(byteCount: streamByteCount / 16 * 18),
      // Beside each block a bit.
      receiveStorage: ByteStorage(byteCount: (receiveByteCount * 129 + 127) / 128))
  }
}
