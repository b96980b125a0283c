import Framing
import LineModel

/// A frame and its delimiter, as bytes on the line.
func encoded(
  _ header: FrameHeader, _ payload: [UInt8] = [], seal: Seal = Seal(outsideSessions: .fromInitiator)
) -> [UInt8] {
  let covered = FrameHeader.overheadByteCount + payload.count
  let parity = header.strength?.parityByteCount(frameByteCount: covered) ?? 0
  let limit = FrameEncoder.encodedByteCountLimit(payloadByteCount: payload.count + parity)
  return [UInt8](capacity: limit) { output in
    var frame = FrameEncoder(
      header, seal: seal, payloadByteCount: payload.count, into: &output)
    frame.append(payload.span, into: &output)
    frame.finish(into: &output)
  }
}

/// What a decoder finds between two delimiters.
enum Found: Equatable {
  case frame(FrameHeader?, payload: [UInt8], isSealed: Bool)
  case malformed(FrameError)
  /// The header speaks of parity, and no frame with parity has this size.
  case impossible
}

/// Everything that a decoder finds in `bytes`, given to it in portions.
func findings(
  in bytes: [UInt8], mtu: Int = 1024, seal: Seal = Seal(outsideSessions: .fromInitiator),
  portionByteCount: Int = .max
) -> [Found] {
  var decoder = FrameDecoder(storage: ByteStorage(byteCount: mtu))
  var found: [Found] = []
  var start = 0
  while start < bytes.count {
    let end = start + min(portionByteCount, bytes.count - start)
    let portion = bytes.span.extracting(start..<end)
    var position = 0
    while let output = decoder.decode(portion, from: &position) {
      switch output {
      case .malformed(let error): found.append(.malformed(error))
      case .frame(let total):
        guard let byteCount = decoder.byteCount(total: total),
          byteCount >= FrameHeader.overheadByteCount
        else {
          found.append(.impossible)
          continue
        }
        let payload = decoder.withPayload(byteCount: byteCount) { span in
          span.indices.map { span[$0] }
        }
        let isSealed = decoder.isSealed(by: seal, byteCount: byteCount)
        found.append(.frame(decoder.header, payload: payload, isSealed: isSealed))
      }
    }
    start = end
  }
  return found
}

/// Bytes without a pattern.
func sample(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var generator = SeededGenerator(seed: seed)
  return (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
}
