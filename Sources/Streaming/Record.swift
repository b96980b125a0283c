public import WeightCodec

/// What a record of the stream is; raw values as on the wire (Protocol.md §5.1).
///
/// Below 64 the sender of the model speaks, from 64 on its receiver.
public enum RecordKind: UInt8, Equatable, Sendable {
  /// The model to come: kind, counts, name. The tensor records follow at once.
  case offer = 1
  /// One tensor of the manifest.
  case tensor = 2
  /// The content of a tensor begins: which one, and how it is written.
  case unit = 3
  /// The next bytes of the content.
  case content = 4
  /// The content is complete; its SHA-256.
  case digest = 5
  /// The model is complete; its digest.
  case finish = 6
  /// The next bytes of the coded stream.
  case coded = 7
  /// All of the model has come so far, and the coded stream ends a codeword.
  case milestone = 8
  /// The beginnings of the digests of tensors that may be offered: which does the receiver hold?
  case compare = 9
  /// How tensors of the manifest build on what the receiver holds.
  case basis = 10
  /// The model is the one that the receiver holds; its digest.
  case unchanged = 11
  /// Which models does the receiver hold?
  case list = 12
  /// The receiver is to use the model of this digest.
  case activate = 13
  /// The receiver is to use the model that was in use before.
  case rollback = 14
  /// The receiver is to send a model that it holds.
  case fetch = 15
  /// Tensors of the manifest that are like those of the base, by their numbers there.
  case order = 16
  /// What the receiver is and takes.
  case info = 64
  /// The offer is taken.
  case accept = 65
  /// The model is complete, verified and stored; its digest.
  case verified = 66
  /// The receiver stops; why, in a code and in words.
  case failed = 67
  /// What the receiver has measured with the model so far.
  case metric = 68
  /// Which of the compared tensors the receiver holds.
  case held = 69
  /// The models that the receiver holds.
  case listing = 70
}

/// Why bytes are not records that this revision understands.
public enum RecordError: Error, Equatable, Sendable {
  case truncated
  /// More bytes than a number may have, or than this one needs.
  case numberTooLong
  case trailingBytes
  case unknownKind(UInt8)
  case tooLong(kind: UInt8, byteCount: Int)
  /// A record that may not come now.
  case unexpected(RecordKind)
  /// More tensors than `Manifest.tensorCountLimit`.
  case tooManyTensors(Int)
  case unknownDType(UInt8)
  case unknownFlags(UInt8)
  /// Extents whose product overflows, too many of them, or tensors whose sizes add up to too much.
  case badShape
  /// A name longer than allowed, or one that shares more or less with its neighbour than it says.
  case badName
  /// A tensor, content or index outside what the manifest lists.
  case badIndex(Int)
  case unknownRepresentation(UInt8, UInt8)
  case unknownCompression(UInt8)
  case unknownCodec(UInt8)
  case badDigest
  /// Relations of more or fewer tensors than there are, or to nothing.
  case badBasis
  case badMetric
  /// Slots of a kind that there is not, or more than fit.
  case badListing
}

/// The framing of records in the stream: kind, length of the body as a varint, body.
public enum Record {
  /// Bodies other than content are at most this long, so that a receiver can hold one.
  public static let bodyByteCountLimit = 2048
  /// Bytes of content, or of the coded stream, in one record, at most.
  public static let contentByteCountLimit = 1 << 14

  /// The bytes of a record with such a body.
  public static func byteCount(bodyByteCount: Int) -> Int {
    var header: [UInt8] = [0]
    Varint.append(bodyByteCount, to: &header)
    return header.count + bodyByteCount
  }

  /// Appends a record.
  public static func append(_ kind: RecordKind, body: [UInt8], to stream: inout [UInt8]) {
    stream.append(kind.rawValue)
    Varint.append(body.count, to: &stream)
    stream.append(contentsOf: body)
  }
}

/// How the bytes of a content are packed for the line.
public enum Compression: UInt8, CaseIterable, Equatable, Sendable {
  /// Not at all.
  case none = 0
  /// A zlib stream: RFC 1950, RFC 1951.
  case deflate = 1
}

/// One tensor's content as it goes over the line.
public struct Unit: Equatable, Sendable {
  /// The tensor's place in the manifest.
  public let tensorIndex: Int
  /// How its values are written.
  public let representation: Representation
  /// How the content is packed.
  public let compression: Compression

  /// Joins the three.
  public init(tensorIndex: Int, representation: Representation, compression: Compression) {
    self.tensorIndex = tensorIndex
    self.representation = representation
    self.compression = compression
  }
}

/// A SHA-256 digest, computed by the host: no portable layer looks into it.
public struct Digest: Hashable, Sendable {
  /// The size of a digest.
  public static let byteCount = 32
  /// The digest's bytes, in order.
  public let bytes: [UInt8]

  /// Of nothing.
  public static let none = Digest(unchecked: [UInt8](repeating: 0, count: byteCount))

  private init(unchecked bytes: [UInt8]) { self.bytes = bytes }

  /// Returns nil for anything but 32 bytes.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = bytes
  }
}
