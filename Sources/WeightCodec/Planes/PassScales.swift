/// What passes really take, in parts of what their entropy says.
public struct PassScales: Sendable {
  private var significance: [Double] = []
  private var refinement: [Double] = []
  private var mantissas = 1.0

  /// Entropy tells all.
  public init() {}

  /// Notes what a pass took.
  public mutating func note(_ pass: Pass, plane: Int, scale: Double) {
    switch pass {
    case .significance: Self.note(&significance, plane, scale)
    case .refinement: Self.note(&refinement, plane, scale)
    case .mantissa: mantissas = scale
    case .bytes: break
    }
  }

  /// The factor for a pass; for planes beyond those noted, the last one's.
  public func scale(of pass: Pass, plane: Int) -> Double {
    switch pass {
    case .significance: Self.scale(significance, plane)
    case .refinement: Self.scale(refinement, plane)
    case .mantissa: mantissas
    case .bytes: 1
    }
  }

  private static func note(_ scales: inout [Double], _ plane: Int, _ scale: Double) {
    while scales.count <= plane { scales.append(scales.last ?? 1) }
    scales[plane] = scale
  }

  private static func scale(_ scales: [Double], _ plane: Int) -> Double {
    guard let last = scales.last else { return 1 }
    return plane < scales.count ? scales[plane] : last
  }
}
