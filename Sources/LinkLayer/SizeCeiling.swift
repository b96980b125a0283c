/// Finds the size from which on frames never arrive: a receiver whose FIFO overruns takes short frames
/// and no long one, and no rate of errors describes that.
///
/// Losses of frames from a size on, with none of that size arriving and none shorter lost in between,
/// make it a ceiling. It is lifted after some frames, each time after twice as many.
struct SizeCeiling: Sendable {
  // So many longer ones lost, and so many shorter ones arrived.
  private static let evidence: UInt32 = 12
  private static let firstHold: UInt32 = 64
  private static let holdLimit: UInt32 = 1 << 14

  // The shortest frame lost since one of its size has arrived, and how many as long or longer were.
  private var failing = UInt32.max
  private var failures: UInt32 = 0
  private var successesBelow: UInt32 = 0
  private var hold = Self.firstHold
  private var framesLeft: UInt32 = 0
  /// Frames below this size arrive.
  private(set) var byteCount: UInt32?

  mutating func noteDelivered(frameCount: UInt32, frameByteCount: UInt32) {
    if frameByteCount >= failing {
      failing = .max
      failures = 0
    } else {
      successesBelow += frameCount
    }
    guard byteCount != nil else { return }
    framesLeft -= min(framesLeft, frameCount)
    if framesLeft == 0 { byteCount = nil }
  }

  mutating func noteLost(frameCount: UInt32, frameByteCount: UInt32) {
    if frameByteCount < failing {
      failing = frameByteCount
      successesBelow = 0
    }
    failures += frameCount
    guard failures >= Self.evidence, successesBelow >= Self.evidence else { return }
    failures = 0
    byteCount = failing
    framesLeft = hold
    hold = min(hold * 2, Self.holdLimit)
  }
}
