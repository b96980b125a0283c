import Device
import LineModel

/// NOR flash of a test: keeps its bytes over resets, and a log of what was done to it.
final class TestFlash {
  enum Operation: Equatable {
    case erase(page: Int)
    case program(offset: Int, bytes: [UInt8])
  }

  private(set) var bytes: [UInt8]
  let pageByteCount: Int
  private(set) var log: [Operation] = []
  /// A bit that cannot be cleared any more: its byte.
  var wornOffset: Int?

  init(pageByteCount: Int, pageCount: Int) {
    bytes = Array(repeating: 0xFF, count: pageByteCount * pageCount)
    self.pageByteCount = pageByteCount
  }

  init(_ other: TestFlash) {
    (bytes, pageByteCount) = (other.bytes, other.pageByteCount)
  }

  func forgetLog() { log = [] }

  func corrupt(_ offset: Int) { bytes[offset] ^= 0x10 }

  func apply(_ operation: Operation) {
    log.append(operation)
    switch operation {
    case .erase(let page):
      for place in page * pageByteCount..<(page + 1) * pageByteCount { bytes[place] = 0xFF }
    case .program(let offset, let new):
      for (place, byte) in new.enumerated() {
        bytes[offset + place] &= byte | (offset + place == wornOffset ? 1 : 0)
      }
    }
  }

  /// Does an operation in part, as a power cut leaves it: some bits have changed, others have not.
  func applyPart(of operation: Operation, _ generator: inout SeededGenerator) {
    let before = bytes
    apply(operation)
    for place in bytes.indices where bytes[place] != before[place] {
      let changed = UInt8.random(in: 0...255, using: &generator)
      bytes[place] = bytes[place] & changed | before[place] & ~changed
    }
  }
}

/// The port to it.
struct TestFlashPort: ~Copyable, FlashDevice {
  let flash: TestFlash
  var unitByteCount = 4
  var programsAgain = true

  init(_ flash: TestFlash) { self.flash = flash }

  var pageByteCount: Int { flash.pageByteCount }
  var pageCount: Int { flash.bytes.count / flash.pageByteCount - 2 }
  static var hasJournal: Bool { true }
  var eraseMilliseconds: UInt16 { 22 }
  func byte(at offset: Int) -> UInt8 { flash.bytes[offset] }
  mutating func erase(page: Int) { flash.apply(.erase(page: page)) }

  mutating func program(_ unit: InlineArray<16, UInt8>, at offset: Int) {
    precondition(offset % unitByteCount == 0)
    let bytes = (0..<unitByteCount).map { unit[$0] }
    if !programsAgain {
      precondition(
        bytes.indices.allSatisfy { flash.bytes[offset + $0] == 0xFF || bytes[$0] == 0xFF })
    }
    flash.apply(.program(offset: offset, bytes: bytes))
  }
}
