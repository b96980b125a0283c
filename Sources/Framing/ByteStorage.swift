/// A fixed block of bytes that a machine works in: lent by the caller, as on a microcontroller, or
/// allocated once where there is a heap.
///
/// Every access is checked against the bounds. The block never grows and never moves.
@safe
public struct ByteStorage: ~Copyable {
  private let base: UnsafeMutablePointer<UInt8>
  /// The size of the block.
  public let byteCount: Int
  private let isOwned: Bool

  /// Works in memory of the caller, who keeps it alive and untouched for as long as this value lives.
  ///
  /// - Precondition: `memory` is not empty.
  @unsafe
  public init(lending memory: UnsafeMutableBufferPointer<UInt8>) {
    guard let base = memory.baseAddress else { preconditionFailure("lent memory is empty") }
    unsafe self.base = base
    byteCount = memory.count
    isOwned = false
  }

  #if !$Embedded
  /// Allocates the block, zeroed, and frees it at the end of its life.
  ///
  /// - Precondition: `byteCount` is positive.
  public init(byteCount: Int) {
    precondition(byteCount > 0, "storage holds at least one byte")
    unsafe base = .allocate(capacity: byteCount)
    unsafe base.initialize(repeating: 0, count: byteCount)
    self.byteCount = byteCount
    isOwned = true
  }
  #endif

  deinit {
    if isOwned { unsafe base.deallocate() }
  }

  /// The byte at an offset from the start of the block.
  public subscript(offset: Int) -> UInt8 {
    get {
      precondition(contains(offset), "offset outside the storage")
      return unsafe base[offset]
    }
    set {
      precondition(contains(offset), "offset outside the storage")
      unsafe base[offset] = newValue
    }
  }

  // One comparison for both bounds: a negative offset is a large unsigned one.
  private func contains(_ offset: Int) -> Bool {
    UInt(bitPattern: offset) < UInt(bitPattern: byteCount)
  }

  /// Copies `source` to the place that starts at `offset`.
  public mutating func replace(from offset: Int, with source: Span<UInt8>) {
    let count = source.count
    precondition(offset >= 0 && count <= byteCount - offset, "copy outside the storage")
    unsafe source.withUnsafeBufferPointer { bytes in
      guard let start = bytes.baseAddress else { return }
      unsafe (base + offset).update(from: start, count: count)
    }
  }

  /// Lends the bytes of `range` to `body`.
  public func withSpan<R>(_ range: Range<Int>, _ body: (Span<UInt8>) -> R) -> R {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= byteCount, "range outside the storage")
    let bytes = unsafe UnsafeBufferPointer(start: base + range.lowerBound, count: range.count)
    return body(unsafe bytes.span)
  }
}
