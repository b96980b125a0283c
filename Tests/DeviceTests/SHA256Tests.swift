import Crypto
import Device
import Testing

struct SHA256Tests {
  /// Every length around the ends of blocks.
  @Test(arguments: Array(0...200) + [1000, 4096, 10_000])
  func digestsAreThoseOfALibrary(byteCount: Int) {
    let bytes = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 * 31 ^ $0 >> 5) }
    var hash = Device.SHA256()
    hash.update(bytes.span)
    let words = hash.finish().words
    var found: [UInt8] = []
    for index in 0..<8 {
      for place in [24, 16, 8, 0] as [UInt32] {
        found.append(UInt8(truncatingIfNeeded: words[index] >> place))
      }
    }
    #expect(found == Array(Crypto.SHA256.hash(data: bytes)))
  }
}
