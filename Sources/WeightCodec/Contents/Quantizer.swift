/// The least and the greatest of some values, and whether all of them are finite.
public struct ValueRange: Equatable, Sendable {
  /// Infinity before the first value.
  public private(set) var minimum = Double.infinity
  /// Minus infinity before the first value.
  public private(set) var maximum = -Double.infinity
  /// False once a NaN or an infinity was among them.
  public private(set) var isFinite = true

  /// The range of no values.
  public init() {}

  /// Takes a value into account.
  public mutating func observe(_ value: Double) {
    if !value.isFinite { isFinite = false }
    if value < minimum { minimum = value }
    if value > maximum { maximum = value }
  }

  /// The greatest distance from zero; 0 before the first value.
  public var magnitude: Double { max(maximum, -minimum, 0) }
}

/// Affine min/max quantization: `code = round((x − min) / (max − min) · (2^bits − 1))`.
///
/// The ends are met exactly. A constant tensor has the code 0 everywhere and comes back exactly.
public struct AffineQuantizer: Equatable, Sendable {
  /// The value of code 0.
  public let minimum: Double
  /// The value of the highest code.
  public let maximum: Double
  /// The highest code, 2^bits − 1.
  public let codeMaximum: Int

  /// - Precondition: the ends are finite and in order, and `bits` is in `Representation.bitsRange`.
  public init(minimum: Double, maximum: Double, bits: Int) {
    precondition(Representation.bitsRange.contains(bits), "codes have 2 to 8 bits")
    precondition(minimum.isFinite && maximum.isFinite && minimum <= maximum, "a finite range")
    self.minimum = minimum
    self.maximum = maximum
    codeMaximum = 1 << bits - 1
  }

  /// The distance between neighbouring codes.
  public var step: Double { shrunk(maximum) / Double(codeMaximum) / shrinking }

  /// The code nearest to a value between the ends; ties go away from the minimum.
  public func code(of value: Double) -> UInt8 {
    guard maximum > minimum else { return 0 }
    let share = shrunk(value) / shrunk(maximum)
    let code = (share * Double(codeMaximum)).rounded()
    return UInt8(min(max(code, 0), Double(codeMaximum)))
  }

  // The difference of two finite values may be infinite; that of their halves is not, but the halves
  // of the least values are all zero.
  private var shrinking: Double { (maximum - minimum).isFinite ? 1 : 0.5 }

  /// The distance from the minimum, so scaled that it is finite.
  private func shrunk(_ value: Double) -> Double { value * shrinking - minimum * shrinking }

  /// The value that a code stands for.
  public func value(of code: UInt8) -> Double {
    if Int(code) >= codeMaximum { return maximum }
    let share = Double(code) / Double(codeMaximum)
    return minimum * (1 - share) + maximum * share
  }
}

/// Symmetric quantization around zero: `code = round(x / scale)`, −(2^(bits−1) − 1) … 2^(bits−1) − 1.
public struct SymmetricQuantizer: Equatable, Sendable {
  /// The distance between neighbouring codes; 0 where all values are.
  public let scale: Float
  /// The highest code, 2^(bits−1) − 1.
  public let codeMaximum: Int

  /// Takes a scale that is known.
  ///
  /// - Precondition: `bits` is in `Representation.bitsRange`.
  public init(scale: Float, bits: Int) {
    precondition(Representation.bitsRange.contains(bits), "codes have 2 to 8 bits")
    self.scale = scale
    codeMaximum = 1 << (bits - 1) - 1
  }

  /// Finds the scale for values up to `magnitude`; nil where a `Float` cannot hold it.
  public init?(magnitude: Double, bits: Int) {
    self.init(scale: 0, bits: bits)
    guard magnitude > 0 else { return }
    // A scale that rounds to zero would lose the channel; the least one above it codes it exactly.
    var scale = max(Float(magnitude / Double(codeMaximum)), .leastNonzeroMagnitude)
    guard scale.isFinite, magnitude >= Double(Float.leastNonzeroMagnitude) else { return nil }
    // Among the least Floats rounding is coarse: the greatest value would lie beyond half a step.
    if Double(scale) * (Double(codeMaximum) + 0.5) < magnitude { scale = scale.nextUp }
    // Among the greatest, what was finite would come back as an infinity.
    if Double(scale) * Double(codeMaximum) > Double(Float.greatestFiniteMagnitude) {
      scale = scale.nextDown
    }
    self.init(scale: scale, bits: bits)
  }

  /// The code nearest to a value; ties go away from zero.
  public func code(of value: Double) -> Int8 {
    guard scale > 0 else { return 0 }
    let code = (value / Double(scale)).rounded()
    return Int8(min(max(code, -Double(codeMaximum)), Double(codeMaximum)))
  }

  /// The value that a code stands for.
  public func value(of code: Int8) -> Double { Double(scale) * Double(code) }
}
