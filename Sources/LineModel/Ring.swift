/// A first-in, first-out store of fixed capacity, allocated once.
struct Ring<Element: BitwiseCopyable & Sendable>: Sendable {
  let capacity: Int
  private(set) var count = 0
  private var storage: [Element]
  private var head = 0  // 0 <= head < storage.count
  private let mask: Int  // storage.count − 1; storage.count is a power of two >= capacity

  init(capacity: Int, filler: Element) {
    precondition(capacity > 0, "a ring holds at least one element")
    var size = 1
    while size < capacity { size <<= 1 }
    self.capacity = capacity
    storage = Array(repeating: filler, count: size)
    mask = size - 1
  }

  var isEmpty: Bool { count == 0 }
  var freeCount: Int { capacity - count }
  var first: Element? { isEmpty ? nil : storage[head] }

  /// The element `index` places behind the oldest.
  subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count, "index is within the ring")
      return storage[(head + index) & mask]
    }
    set {
      precondition(index >= 0 && index < count, "index is within the ring")
      storage[(head + index) & mask] = newValue
    }
  }

  mutating func append(_ element: Element) {
    precondition(count < capacity, "the ring has room")
    storage[(head + count) & mask] = element
    count += 1
  }

  mutating func removeFirst() {
    precondition(count > 0, "the ring is not empty")
    head = (head + 1) & mask
    count -= 1
  }
}
