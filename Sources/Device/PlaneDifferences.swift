internal import WeightCodec

/// Memory for the models of a pass that tells what differs from a base (Protocol.md §6.3, Bases).
public protocol DifferenceModels: BitwiseCopyable, Sendable {
  /// What a device can do with it.
  static var services: DeviceServices { get }
  /// Words that there are: 15 kinds of expectation, then 8 of signs, or none.
  static var wordCount: Int { get }
  /// Models that have learnt nothing.
  init()
  /// The word of a model.
  subscript(index: Int) -> UInt32 { get set }
}

extension DifferenceModels {
  /// Whether differences are taken.
  static var areTaken: Bool { wordCount > 0 }
}

/// None: a device takes no differences, and pays for none.
public struct NoDifferences: DifferenceModels {
  /// All but differences.
  public static var services: DeviceServices {
    .tells + .resumes + .keeps + .lists + .switches + .gives
  }
  /// None.
  public static var wordCount: Int { 0 }
  /// Nothing.
  public init() {}
  /// None.
  public subscript(index: Int) -> UInt32 {
    get { 0 }
    set {}
  }
}

/// 92 bytes.
public struct PlaneDifferences: DifferenceModels {
  private var words = InlineArray<23, UInt32>(repeating: BitModel().word)

  /// All.
  public static var services: DeviceServices { .all }
  /// Of both.
  public static var wordCount: Int { 23 }
  /// As they are at the beginning of each pass.
  public init() {}
  /// One of them.
  public subscript(index: Int) -> UInt32 {
    get { words[index] }
    set { words[index] = newValue }
  }
}

/// The planes that a device has of a tensor in use, as the base of another one.
struct DifferenceBase {
  // Below this level floats are subnormal, and have no bit in the middle of what planes tell.
  private static var lowestLevel: UInt16 { UInt16(PlaneByte.planeLimit) }

  let topLevel: UInt16
  // In units in which plane 0 is 2 to the 15: the bit behind the last plane.
  private let middle: UInt32

  /// Nil where it is none: planes have not come, or not all of the last.
  init?(_ state: TensorState) {
    guard state.passCount > 0, state.isRefined, state.topLevel != TensorState.none,
      state.topLevel >= Self.lowestLevel
    else { return nil }
    topLevel = state.topLevel
    middle = 1 << UInt32(truncatingIfNeeded: 15 &- state.planeCount)
  }

  /// The magnitude that a byte stands for, in a tensor whose top level is higher by `shift`.
  @inline(__always)
  func magnitude(_ byte: UInt8, shift: UInt32) -> UInt32 {
    let known = UInt32(byte & PlaneByte.magnitude) << 9
    return known == 0 ? 0 : (known | middle) >> shift
  }
}
