/// Cuts a stream into records, whatever portions it comes in.
///
/// Bodies are collected whole, but for content and the coded stream, which are handed on as they come:
/// they never need more memory than the caller's.
public struct RecordReader: Sendable {
  /// What the next bytes are.
  public enum Step: Equatable, Sendable {
    /// A whole record other than content.
    case record(RecordKind, body: [UInt8])
    /// So many bytes of content or of the coded stream are next: take them with `takeContent`.
    case content(RecordKind, byteCount: Int)
    /// More bytes are needed.
    case needsBytes
  }

  private enum State: Equatable {
    case kind
    case length(RecordKind, [UInt8])
    case body(RecordKind, byteCount: Int)
    case content(RecordKind, byteCount: Int)
  }

  private var state = State.kind
  private var body: [UInt8] = []

  /// Stands before a record.
  public init() {}

  /// Whether the stream may end here.
  public var isBetweenRecords: Bool { state == .kind }

  /// Goes through `bytes` from `position` on, up to the end of a record or the start of content.
  public mutating func next(
    _ bytes: Span<UInt8>, from position: inout Int
  ) throws(RecordError) -> Step {
    while true {
      if case .content(let kind, let byteCount) = state {
        let available = min(byteCount, bytes.count - position)
        return available > 0 ? .content(kind, byteCount: available) : .needsBytes
      }
      if case .body(let kind, let byteCount) = state, body.count == byteCount {
        state = .kind
        return .record(kind, body: body)
      }
      guard position < bytes.count else { return .needsBytes }
      try take(bytes[position])
      position += 1
    }
  }

  /// So many bytes of content have been taken.
  public mutating func takeContent(byteCount: Int) {
    guard case .content(let kind, let left) = state, byteCount <= left else {
      preconditionFailure("no more content than was announced")
    }
    state = byteCount == left ? .kind : .content(kind, byteCount: left - byteCount)
  }

  private mutating func take(_ byte: UInt8) throws(RecordError) {
    switch state {
    case .kind:
      guard let kind = RecordKind(rawValue: byte) else { throw .unknownKind(byte) }
      state = .length(kind, [])
    case .length(let kind, let digits):
      let digits = digits + [byte]
      guard byte & 0x80 == 0 else {
        guard digits.count < 4 else { throw .numberTooLong }
        state = .length(kind, digits)
        return
      }
      var number = BodyReader(digits)
      state = try Self.bodyState(kind, byteCount: try number.varint())
      body = []
    case .body: body.append(byte)
    case .content: preconditionFailure("content is taken by the caller")
    }
  }

  private static func bodyState(
    _ kind: RecordKind, byteCount: Int
  ) throws(RecordError) -> State {
    if kind == .content || kind == .coded {
      guard byteCount <= Record.contentByteCountLimit else {
        throw .tooLong(kind: kind.rawValue, byteCount: byteCount)
      }
      return byteCount == 0 ? .kind : .content(kind, byteCount: byteCount)
    }
    guard byteCount <= Record.bodyByteCountLimit else {
      throw .tooLong(kind: kind.rawValue, byteCount: byteCount)
    }
    return .body(kind, byteCount: byteCount)
  }
}
