/// Where things are in a slot.
enum SlotPlace {
  static var digest: Int { 24 }
  static var name: Int { 56 }
  static var checksum: Int { 88 }
  static var marks: Int { 96 }
  static var pairCount: Int { 8 }
  static var states: Int { marks &+ 32 &* pairCount }

  static func activation(_ pair: Int) -> Int { marks &+ 32 &* pair }
  static func revocation(_ pair: Int) -> Int { activation(pair) &+ 16 }
  static func image(tensorCount: Int) -> Int { states &+ (4 &* tensorCount &+ 15) & ~15 }
}

extension ModelTable {
  /// Bytes of flash that a slot for the model takes: each of the two has whole pages.
  public var slotByteCount: Int {
    let end = end()
    return SlotPlace.image(tensorCount: end.tensorCount) &+ end.imageByteCount
  }
}

extension CommittedModel {
  /// Four bytes of the name.
  mutating func nameWord(_ index: Int) -> UInt32 {
    var word: UInt32 = 0
    for place in 0..<4 { word |= UInt32(name[4 &* index &+ place]) << UInt32(8 &* place) }
    return word
  }
}

extension TensorState {
  /// As a slot has it: whether it was kept is of its transfer only.
  var storedWord: UInt32 { word & 0x01FF_FFFF }
}
