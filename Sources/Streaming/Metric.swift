/// What a receiver has measured with the model as far as it has come: how well it does, or how fast.
///
/// A decimal number, for devices compute no floats: 9510 with two digits is 95.10.
public struct Metric: Hashable, Sendable {
  /// Places behind the decimal point.
  public static let digitsLimit = 9
  /// Bytes of a unit.
  public static let unitByteCountLimit = 16
  /// Bytes of a name.
  public static let nameByteCountLimit = 64

  /// What the model had reached; nil where it had reached nothing.
  public let tier: Milestone.Tier?
  /// What was measured, UTF-8: `accuracy`.
  public let name: [UInt8]
  /// The number without its point.
  public let value: Int32
  /// Places of it behind the point.
  public let digits: Int
  /// What it is counted in, UTF-8: `%`; empty for nothing.
  public let unit: [UInt8]

  /// Cuts name and unit to what a record holds.
  public init(
    _ name: [UInt8], _ value: Int32, digits: Int = 0, unit: [UInt8] = [], at tier: Milestone.Tier?
  ) {
    precondition((0...Self.digitsLimit).contains(digits), "a 32-bit number has ten digits")
    self.tier = tier
    self.name = Array(name.prefix(Self.nameByteCountLimit))
    self.value = value
    self.digits = digits
    self.unit = Array(unit.prefix(Self.unitByteCountLimit))
  }

  /// The body of a metric record.
  package func encoded() -> [UInt8] {
    var body = [tier?.code ?? UInt8.max, UInt8(digits)]
    let bits = UInt32(bitPattern: value)
    for place in 0..<4 { body.append(UInt8(truncatingIfNeeded: bits >> UInt32(8 * place))) }
    body.append(UInt8(unit.count))
    return body + unit + name
  }

  package init(parsing bytes: [UInt8]) throws(RecordError) {
    var body = BodyReader(bytes)
    let code = try body.byte()
    tier = code == .max ? nil : try Milestone.Tier(code: code)
    digits = Int(try body.byte())
    guard digits <= Self.digitsLimit else { throw .badMetric }
    var bits: UInt32 = 0
    for place in 0..<4 { bits |= UInt32(try body.byte()) << UInt32(8 * place) }
    value = Int32(bitPattern: bits)
    let count = Int(try body.byte())
    guard count <= Self.unitByteCountLimit else { throw .badMetric }
    unit = try body.bytes(count)
    name = body.rest()
    guard (1...Self.nameByteCountLimit).contains(name.count) else { throw .badMetric }
  }
}
