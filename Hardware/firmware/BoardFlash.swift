import Board
import Device

/// The board's flash, as the stores of a model take it.
struct BoardFlash: ~Copyable, FlashDevice {
  private let geometry = board_flash_geometry()
  // Pages that two slots need; the journal's two lie behind.
  let pageCount: Int
  static var hasJournal: Bool { true }

  init(for table: some ModelTable) {
    let pageByteCount = Int(geometry.page_bytes)
    pageCount = 2 * ((table.slotByteCount + pageByteCount - 1) / pageByteCount)
  }

  var pageByteCount: Int { Int(geometry.page_bytes) }
  var unitByteCount: Int { Int(geometry.unit_bytes) }
  var programsAgain: Bool { geometry.clears_more_bits }
  var eraseMilliseconds: UInt16 { UInt16(truncatingIfNeeded: geometry.erase_milliseconds) }

  func byte(at offset: Int) -> UInt8 { board_flash_byte(UInt32(truncatingIfNeeded: offset)) }

  mutating func erase(page: Int) { board_flash_erase(UInt32(truncatingIfNeeded: page)) }

  mutating func program(_ unit: InlineArray<16, UInt8>, at offset: Int) {
    unsafe unit.span.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe board_flash_program(
        UInt32(truncatingIfNeeded: offset), start, geometry.unit_bytes)
    }
  }
}
