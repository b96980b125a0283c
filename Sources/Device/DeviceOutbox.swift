internal import Framing

/// What a device has to say and is not acknowledged: sent a frame at a time, and again by a timer.
struct DeviceOutbox: ~Copyable {
  /// The longest payload of a frame: whole blocks.
  static let payloadByteCountLimit = 64

  // Milliseconds.
  private static let firstTimeout: UInt32 = 300
  private static let lastTimeout: UInt32 = 2000

  private var storage: ByteStorage
  private var count = 0
  /// The number of the first block.
  private(set) var block: UInt16 = 0
  // Bytes of the frame that is under way; 0 for none.
  private var sentCount = 0
  private var isDue = false
  private var dueAt: UInt32 = 0
  private var timeout = Self.firstTimeout

  init(_ storage: consuming ByteStorage) { self.storage = storage }

  var isEmpty: Bool { count == 0 }

  func hasRoom(byteCount: Int) -> Bool { byteCount <= storage.byteCount &- count }

  mutating func append(_ byte: UInt8) {
    storage[count] = byte
    count &+= 1
    if sentCount == 0 { isDue = true }
  }

  mutating func removeAll() {
    (count, block, sentCount, isDue) = (0, 0, 0, false)
    timeout = Self.firstTimeout
  }

  /// A session goes on: what is under way was lost.
  mutating func restart() {
    sentCount = 0
    isDue = count > 0
    timeout = Self.firstTimeout
  }

  /// Whether a frame is to be sent now.
  mutating func isDue(at now: UInt32) -> Bool {
    guard count > 0 else { return false }
    return isDue || Int32(bitPattern: now &- dueAt) >= 0
  }

  /// When the frame under way is repeated, or a pause ends; nil where nothing waits.
  var deadline: UInt32? { count > 0 && !isDue ? dueAt : nil }

  /// Begins to send or to repeat a frame; returns the bytes that it takes.
  mutating func beginFrame(payloadByteCountLimit: Int, at now: UInt32) -> Int {
    if sentCount == 0 {
      let limit = min(payloadByteCountLimit, Self.payloadByteCountLimit) & ~15
      sentCount = min(count, max(limit, 16))
    } else if !isDue {
      timeout = min(2 &* timeout, Self.lastTimeout)
    }
    isDue = false
    dueAt = now &+ timeout
    return sentCount
  }

  func forEach(_ count: Int, _ body: (UInt8) -> Void) {
    for index in 0..<count { body(storage[index]) }
  }

  /// The frame under way, or its answer, was lost; false where there is none.
  mutating func repeatAtOnce() -> Bool {
    guard sentCount > 0 else { return false }
    isDue = true
    return true
  }

  mutating func hold(until time: UInt32) {
    isDue = false
    dueAt = time
  }

  /// The peer lacks this block next.
  mutating func acknowledge(_ next: UInt16) {
    let blocks = Int((next &- block) & 0xFFF)
    guard sentCount > 0, blocks > 0, blocks <= (sentCount &+ 15) / 16 else { return }
    let taken = min(16 &* blocks, sentCount)
    for index in taken..<count { storage[index &- taken] = storage[index] }
    count &-= taken
    block = next
    sentCount = 0
    isDue = count > 0
    timeout = Self.firstTimeout
  }
}
