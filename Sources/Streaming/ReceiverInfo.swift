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
    guard planeLimit != nil || representation != nil else { return body }
    body.append(UInt8(planeLimit ?? 0))
    if let (kind, parameter) = representation?.code { body += [kind, parameter] }
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
    guard let representation = Representation(kind: kind, parameter: parameter) else {
      throw .unknownRepresentation(kind, parameter)
    }
    self.representation = representation
  }
}
