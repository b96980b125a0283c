/// Memory of the caller, who keeps it alive and leaves it alone, but for reading, as long as this value lives.
///
/// Every access is checked against the bounds.
@safe
public struct LentMemory<Element: BitwiseCopyable> {
  private let base: UnsafeMutablePointer<Element>
  /// How many elements there are.
  public let count: Int

  /// Lends memory that is initialized.
  @unsafe
  public init(_ memory: UnsafeMutableBufferPointer<Element>) {
    guard let base = memory.baseAddress else { preconditionFailure("lent memory is empty") }
    unsafe self.base = base
    count = memory.count
  }

  /// One of the elements.
  public subscript(index: Int) -> Element {
    @inline(__always) get {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "an index within the memory")
      return unsafe base[index]
    }
    @inline(__always) nonmutating set {
      precondition(UInt(bitPattern: index) < UInt(bitPattern: count), "an index within the memory")
      unsafe base[index] = newValue
    }
  }

  /// Lends a pointer to the elements, for loops whose bounds are looked at once.
  @unsafe
  @inline(__always)
  public func withPointer<R>(_ body: (UnsafeMutablePointer<Element>) -> R) -> R {
    unsafe body(base)
  }

  /// Makes all elements the same.
  public func fill(_ element: Element) {
    for index in 0..<count { self[index] = element }
  }
}
