/// The number of a transmission, modulo 2¹⁵: tells which of two frames was sent first.
struct Stamp: Equatable, Sendable {
  // < 2¹⁵
  let rawValue: UInt16

  init(_ rawValue: UInt16) { self.rawValue = rawValue & 0x7FFF }

  /// The transmission after this one.
  var next: Stamp { Stamp(rawValue &+ 1) }

  /// Whether it was sent before `other`; both are within half the circle (RFC 1982).
  func isOlder(than other: Stamp) -> Bool { (rawValue &- other.rawValue) & 0x4000 != 0 }
}

/// What has become of a block, in 16 bits.
enum Mark: Equatable, Sendable {
  /// Not sent yet, or lost.
  case pending
  /// The peer holds it, behind a block that it lacks.
  case held
  /// In a frame that has not been answered.
  case underWay(Stamp)

  init(_ rawValue: UInt16) {
    if rawValue & 0x8000 != 0 {
      self = .underWay(Stamp(rawValue))
    } else {
      self = rawValue == 0 ? .pending : .held
    }
  }

  var rawValue: UInt16 {
    switch self {
    case .pending: 0
    case .held: 1
    case .underWay(let stamp): 0x8000 | stamp.rawValue
    }
  }
}

/// Counts frames and their blocks, while blocks are gone through in order.
///
/// A frame is counted where its blocks are next to each other, as they are sent.
struct FrameTally: Equatable, Sendable {
  private(set) var frameCount = 0
  private(set) var blockCount = 0
  private var last: Stamp?

  mutating func note(_ stamp: Stamp) {
    blockCount += 1
    if stamp != last { frameCount += 1 }
    last = stamp
  }

  /// The frames' payload, a last block counted in full.
  var payloadByteCount: Int { blockCount * BlockNumber.byteCount }
}
