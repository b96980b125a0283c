public import WeightCodec

/// What a receiver says of itself before anything is offered.
public struct ReceiverInfo: Equatable, Sendable {
  /// A bit for each `Compression` that it undoes.
  public let compressions: UInt8
  /// A bit for each `CodecVariant` whose streams it reads.
  public let codecs: UInt8
  /// The largest model that it can hold, in bytes of its tensors; nil where only the disk limits it.
  public let byteCountLimit: Int?
  /// What it calls itself, UTF-8.
  public let name: [UInt8]
  /// Planes that it keeps of a tensor in the coded stream, and no mantissas: what is short of them comes
  /// whole; nil where it keeps all.
  public var planeLimit: Int?
  /// What large tensors of floats have to be written as that come whole; nil for anything.
  public var representation: Representation?
  /// What else it does.
  public var abilities: Abilities = []
  /// The models that it holds, whole and verified: the one in use first, or `Digest.none` where others are held
  /// and none is in use.
  public var held: [Digest] = []
  /// The model in use; nil where there is none.
  public var inUse: Digest? { held.first == Digest.none ? nil : held.first }
  /// What it has of a transfer that has not come to its end.
  public var unfinished: Unfinished?

  /// Names compressions and codecs as lists.
  public init(
    compressions: [Compression], codecs: [CodecVariant] = CodecVariant.allCases,
    byteCountLimit: Int?, name: [UInt8]
  ) {
    var mask: UInt8 = 0
    for compression in compressions { mask |= 1 << compression.rawValue }
    self.compressions = mask
    mask = 0
    for codec in codecs { mask |= 1 << codec.rawValue }
    self.codecs = mask
    self.byteCountLimit = byteCountLimit
    self.name = Array(name.prefix(Manifest.nameByteCountLimit))
  }

  /// Whether it undoes a compression.
  public func takes(_ compression: Compression) -> Bool {
    compressions >> compression.rawValue & 1 == 1
  }

  /// Whether it reads streams of a codec.
  public func reads(_ codec: CodecVariant) -> Bool { codecs >> codec.rawValue & 1 == 1 }

  package func encoded() -> [UInt8] {
    var body = [compressions, codecs]
    Varint.append(byteCountLimit ?? 0, to: &body)
    Varint.append(name.count, to: &body)
    body += name
    let hasMore = !abilities.isEmpty || !held.isEmpty || unfinished != nil
    guard planeLimit != nil || representation != nil || hasMore else { return body }
    body.append(UInt8(planeLimit ?? 0))
    if let (kind, parameter) = representation?.code {
      body += [kind, parameter]
    } else if hasMore {
      body += [Self.anyRepresentation, 0]
    }
    guard hasMore else { return body }
    body += [abilities.rawValue, UInt8(held.count)]
    for digest in held { body += digest.bytes }
    if let unfinished {
      body += unfinished.identity.bytes
      Varint.append(unfinished.byteCount, to: &body)
      if let checksum = unfinished.checksum { body += Self.bytes(of: checksum) }
    }
    return body
  }

  /// What a later revision adds behind is ignored.
  package init(parsing bytes: [UInt8]) throws(RecordError) {
    var body = BodyReader(bytes)
    compressions = try body.byte()
    codecs = try body.byte()
    let limit = try body.varint()
    byteCountLimit = limit == 0 ? nil : limit
    let count = try body.varint()
    name = try body.bytes(count)
    guard !body.isAtEnd else { return }
    let planes = try body.byte()
    planeLimit = planes == 0 ? nil : Int(planes)
    guard !body.isAtEnd else { return }
    let (kind, parameter) = (try body.byte(), try body.byte())
    if kind != Self.anyRepresentation {
      guard let representation = Representation(kind: kind, parameter: parameter) else {
        throw .unknownRepresentation(kind, parameter)
      }
      self.representation = representation
    }
    guard !body.isAtEnd else { return }
    abilities = Abilities(rawValue: try body.byte())
    for _ in 0..<(try body.byte()) {
      if let digest = Digest(try body.bytes(Digest.byteCount)) { held.append(digest) }
    }
    guard !body.isAtEnd else { return }
    let identity = StreamIdentity(try body.bytes(StreamIdentity.byteCount))
    let byteCount = try body.varint()
    var checksum: UInt32?
    if !body.isAtEnd {
      checksum = try body.bytes(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    unfinished = Unfinished(identity: identity, byteCount: byteCount, checksum: checksum)
  }

  private static func bytes(of number: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: number >> UInt32(8 * $0)) }
  }

  // In place of a representation: any is taken.
  private static let anyRepresentation: UInt8 = 255
}

/// What a receiver does besides taking a model from its beginning; raw values as on the wire.
public struct Abilities: OptionSet, Sendable {
  /// The bits.
  public let rawValue: UInt8

  /// Takes the bits; those that are not known mean nothing.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// It goes on with a transfer that another session has begun.
  public static let resumes = Abilities(rawValue: 1)
  /// It keeps tensors of the model that it holds.
  public static let keeps = Abilities(rawValue: 2)
  /// It tells which tensors it recognizes by their digests.
  public static let compares = Abilities(rawValue: 4)
  /// It takes tensors as differences to those of the model that it holds.
  public static let takesDifferences = Abilities(rawValue: 8)
  /// It tells which models it holds.
  public static let lists = Abilities(rawValue: 16)
  /// It holds several models, and uses another of them when it is asked to.
  public static let switches = Abilities(rawValue: 32)
  /// It sends a model that it holds.
  public static let gives = Abilities(rawValue: 64)
  /// It takes the numbers of tensors in the model that it holds for the tensors of another one.
  public static let numbersTensors = Abilities(rawValue: 128)
}

/// What a receiver has of a transfer that has not come to its end.
public struct Unfinished: Equatable, Sendable {
  /// Which one it is.
  public let identity: StreamIdentity
  /// Bytes of the stream behind the manifest.
  public let byteCount: Int
  /// Their CRC-32, zlib's; nil where the receiver does not know it.
  public let checksum: UInt32?

  /// Joins the three.
  public init(identity: StreamIdentity, byteCount: Int, checksum: UInt32?) {
    (self.identity, self.byteCount, self.checksum) = (identity, byteCount, checksum)
  }
}
