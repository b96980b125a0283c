internal import WeightCodec
internal import Tensors

// The bodies of records that are no part of the manifest: emit and parse side by side.

extension Unit {
  /// The body of a unit record: index as a varint, representation and its parameter, compression.
  public func encoded() -> [UInt8] {
    var body: [UInt8] = []
    Varint.append(tensorIndex, to: &body)
    let (kind, parameter) = representation.code
    body += [kind, parameter, compression.rawValue]
    return body
  }

  package init(parsing bytes: [UInt8]) throws(RecordError) {
    var body = BodyReader(bytes)
    let index = try body.varint()
    let kind = try body.byte()
    let parameter = try body.byte()
    let packing = try body.byte()
    guard body.isAtEnd else { throw .trailingBytes }
    guard let representation = Representation(kind: kind, parameter: parameter) else {
      throw .unknownRepresentation(kind, parameter)
    }
    guard let compression = Compression(rawValue: packing) else {
      throw .unknownCompression(packing)
    }
    self.init(tensorIndex: index, representation: representation, compression: compression)
  }
}

extension Unit {
  /// Checks that the manifest has a tensor with content of this kind at that place.
  public func check(against manifest: Manifest) throws(RecordError) {
    guard manifest.entries.indices.contains(tensorIndex),
      manifest.entries[tensorIndex].hasContent
    else { throw .badIndex(tensorIndex) }
    guard representation.isValid(for: manifest.entries[tensorIndex].tensor) else {
      let (kind, parameter) = representation.code
      throw .unknownRepresentation(kind, parameter)
    }
  }
}

extension Representation {
  /// Kind and parameter on the wire (Protocol.md, table "representation").
  var code: (kind: UInt8, parameter: UInt8) {
    switch self {
    case .exact: (0, 0)
    case .affine(let bits): (1, UInt8(bits))
    case .channel(let bits): (2, UInt8(bits))
    case .cast(let dtype): (3, dtype.rawValue)
    }
  }

  init?(kind: UInt8, parameter: UInt8) {
    switch kind {
    case 0: self = .exact
    case 1: self = .affine(bits: Int(parameter))
    case 2: self = .channel(bits: Int(parameter))
    case 3:
      guard let dtype = DType(rawValue: parameter) else { return nil }
      self = .cast(dtype)
    default: return nil
    }
  }
}

/// Why a receiver stops.
public struct ReceiverFailure: Error, Equatable, Sendable {
  /// The cause, for programs.
  public enum Code: UInt8, Equatable, Sendable {
    /// There is no room for this model.
    case noSpace = 1
    /// The model's shapes are not those that this receiver runs.
    case wrongModel = 2
    /// What was received could not be stored.
    case cannotStore = 3
    /// A digest does not fit: nothing of this model is used.
    case verificationFailed = 4
    /// The stream broke the rules.
    case badStream = 5
    /// Its user or its program stopped it.
    case aborted = 6
  }

  /// The cause.
  public let code: Code
  /// The cause in words, UTF-8.
  public let text: [UInt8]

  /// Cuts the text to what a record holds.
  public init(_ code: Code, text: [UInt8]) {
    self.code = code
    self.text = Array(text.prefix(Manifest.nameByteCountLimit))
  }

  package func encoded() -> [UInt8] { [code.rawValue] + text }

  package init(parsing bytes: [UInt8]) throws(RecordError) {
    var body = BodyReader(bytes)
    code = Code(rawValue: try body.byte()) ?? .aborted
    text = body.rest()
  }
}
