/// Rates of a line, a bit each, as the handshake has them (Protocol.md §4.1).
public struct LineRates: OptionSet, Sendable {
  /// Bit i stands for the rate with index i.
  public let rawValue: UInt16

  /// Takes the bits as they are.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// How many rates there are.
  public static let count = 16
  // Those that UARTs and USB adapters have in common.
  private static let table: InlineArray<16, UInt32> = [
    9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 250_000, 460_800, 500_000, 921_600, 1_000_000,
    1_500_000, 2_000_000, 3_000_000, 4_000_000, 6_000_000,
  ]

  /// The rate with an index, in bits a second; the indices ascend with the rates.
  public static func baudRate(at index: Int) -> UInt32 { table[index] }

  /// Adds a rate; one that is not in the table is left out.
  public mutating func insert(baudRate: UInt32) {
    for index in 0..<Self.count where Self.baudRate(at: index) == baudRate {
      insert(LineRates(rawValue: 1 << UInt16(index)))
    }
  }

  /// Whether the rate is one of them.
  public func contains(baudRate: UInt32) -> Bool {
    for index in 0..<Self.count where Self.baudRate(at: index) == baudRate {
      return rawValue & 1 << UInt16(index) != 0
    }
    return false
  }

  /// The fastest of them that is faster than `floor` and slower than `ceiling`.
  func fastest(above floor: UInt32, below ceiling: UInt32) -> UInt32? {
    var fastest: UInt32?
    for index in 0..<Self.count where rawValue & 1 << UInt16(index) != 0 {
      let rate = Self.baudRate(at: index)
      if rate > floor, rate < ceiling { fastest = rate }
    }
    return fastest
  }
}
