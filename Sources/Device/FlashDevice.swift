/// Flash as a port has it: pages that are erased to ones, units that are programmed to zeros.
public protocol FlashDevice: ~Copyable {
  /// Bytes of a page, which are erased together.
  var pageByteCount: Int { get }
  /// Pages that a store may use: two slots of half as many.
  var pageCount: Int { get }
  /// Whether there are two pages more behind these, for a `FlashStore` that goes on behind a reset.
  static var hasJournal: Bool { get }
  /// Bytes that are programmed together: a power of two, 16 at most.
  var unitByteCount: Int { get }
  /// Whether a unit may be programmed again, to clear more of its bits.
  var programsAgain: Bool { get }
  /// The time that erasing a page takes, in milliseconds.
  var eraseMilliseconds: UInt16 { get }
  /// One of the bytes.
  func byte(at offset: Int) -> UInt8
  /// Makes a page all ones.
  mutating func erase(page: Int)
  /// Programs a unit: the first `unitByteCount` bytes, at a multiple of that.
  mutating func program(_ unit: InlineArray<16, UInt8>, at offset: Int)
}

extension FlashDevice where Self: ~Copyable {
  /// There are no more.
  public static var hasJournal: Bool { false }
}
