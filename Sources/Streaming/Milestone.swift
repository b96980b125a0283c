/// A point of the stream where all of the model has come so far: the receiver may swap it in.
///
/// On the wire a record behind the last byte that belongs to it: the coded stream can be read to here.
public struct Milestone: Hashable, Sendable {
  /// What has been reached.
  public enum Tier: Hashable, Sendable {
    /// Small tensors, coarsely: nothing works without them, and little with them alone.
    case small
    /// So many planes of every large float tensor: as good as integers of one bit more.
    case planes(Int)
    /// All planes there are to be; what is left are the ends of mantissas.
    case fine
    /// The model as it was sent.
    case complete
  }

  /// What has been reached.
  public let tier: Tier
  /// What the sender expects: the mean over all weights of the ratio of signal to noise in their tensor,
  /// in decibels; nil where it says nothing, or all is exact.
  public let signalToNoise: Int?

  /// Joins the two.
  public init(_ tier: Tier, signalToNoise: Int? = nil) {
    self.tier = tier
    self.signalToNoise = signalToNoise.map { min(max($0, 0), 254) }
  }

  /// What people call it.
  public var name: StaticString {
    switch tier {
    case .small: "small"
    case .planes(1): "int2"
    case .planes(2): "int3"
    case .planes(3): "int4"
    case .planes(4): "int5"
    case .planes(5): "int6"
    case .planes(6): "int7"
    case .planes(7): "int8"
    case .planes: "planes"
    case .fine: "fine"
    case .complete: "complete"
    }
  }

  /// The body of a milestone record: tier, then decibels, 255 for none.
  package func encoded() -> [UInt8] {
    [tier.code, UInt8(signalToNoise ?? 255)]
  }

  /// What a later revision adds behind is ignored.
  package init(parsing bytes: [UInt8]) throws(RecordError) {
    var body = BodyReader(bytes)
    tier = try Tier(code: try body.byte())
    let decibels = try body.byte()
    signalToNoise = decibels == 255 ? nil : Int(decibels)
  }
}

extension Milestone.Tier {
  /// As on the wire (Protocol.md §5.8).
  var code: UInt8 {
    switch self {
    case .small: 0
    case .planes(let count): UInt8(min(max(count, 1), 63))
    case .fine: 64
    case .complete: 65
    }
  }

  init(code: UInt8) throws(RecordError) {
    switch code {
    case 0: self = .small
    case 1...63: self = .planes(Int(code))
    case 64: self = .fine
    case 65: self = .complete
    default: throw .unknownKind(code)
    }
  }
}
