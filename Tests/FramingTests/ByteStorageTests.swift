import Framing
import Testing

struct ByteStorageTests {
  @Test func newStorageIsZero() {
    let found = contents(ByteStorage(byteCount: 5))
    #expect(found == [0, 0, 0, 0, 0])
  }

  @Test func replacesFromTheFirstToTheLastByte() {
    var storage = ByteStorage(byteCount: 4)
    storage.replace(from: 0, with: ([1, 2, 3, 4] as [UInt8]).span)
    storage.replace(from: 3, with: ([5] as [UInt8]).span)
    storage.replace(from: 4, with: [UInt8]().span)
    storage[0] = 9
    let last = storage[3]
    #expect(last == 5)
    let found = contents(storage)
    #expect(found == [9, 2, 3, 5])
  }

  @Test func lendsAnyRange() {
    var storage = ByteStorage(byteCount: 3)
    storage.replace(from: 0, with: ([1, 2, 3] as [UInt8]).span)
    let middle = storage.withSpan(1..<2) { $0[0] }
    let none = storage.withSpan(3..<3) { $0.count }
    #expect(middle == 2)
    #expect(none == 0)
  }

  @Test func lentMemoryIsUsedInPlaceAndNotFreed() {
    let memory = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 2)
    defer { unsafe memory.deallocate() }
    unsafe memory.initialize(repeating: 7)
    do {
      var storage = unsafe ByteStorage(lending: memory)
      storage[1] = 8
      let found = contents(storage)
      #expect(found == [7, 8])
    }
    let last = unsafe memory[1]
    #expect(last == 8)
  }

  @Test func accessOutsideStops() async {
    await #expect(processExitsWith: .failure) { _ = ByteStorage(byteCount: 4)[4] }
    await #expect(processExitsWith: .failure) { _ = ByteStorage(byteCount: 4)[-1] }
    await #expect(processExitsWith: .failure) {
      var storage = ByteStorage(byteCount: 4)
      storage.replace(from: 3, with: ([1, 2] as [UInt8]).span)
    }
    await #expect(processExitsWith: .failure) {
      let storage = ByteStorage(byteCount: 4)
      _ = storage.withSpan(2..<5) { $0.count }
    }
  }

  private func contents(_ storage: borrowing ByteStorage) -> [UInt8] {
    storage.withSpan(0..<storage.byteCount) { span in span.indices.map { span[$0] } }
  }
}
