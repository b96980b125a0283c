internal import Device

/// Memory that is lent to a device, and ends with this value.
@safe
struct HostMemory<Element: BitwiseCopyable>: ~Copyable {
  private let base: UnsafeMutableBufferPointer<Element>

  init(_ element: Element, count: Int) {
    unsafe base = .allocate(capacity: max(count, 1))
    unsafe base.initialize(repeating: element)
  }

  deinit { unsafe base.deallocate() }

  /// As long as this value lives.
  @unsafe var lent: LentMemory<Element> { unsafe LentMemory(base) }
  @unsafe var raw: UnsafeMutableRawBufferPointer { unsafe UnsafeMutableRawBufferPointer(base) }
}
