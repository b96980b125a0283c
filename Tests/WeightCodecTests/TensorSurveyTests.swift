import LineModel
import Tensors
import Testing
import WeightCodec

/// Kinds of weights that networks have.
enum Distribution: CaseIterable {
  case gaussian, laplacian, uniform, sparse

  /// How near a prediction comes with 20,000 weights: of few that matter, chance has its share.
  var tolerance: Double {
    switch self {
    case .gaussian, .uniform: 0.02
    case .laplacian: 0.03
    case .sparse: 0.05
    }
  }

  func values(_ count: Int, seed: UInt64) -> [Double] {
    var generator = SeededGenerator(seed: seed)
    let bell = weights(count, seed: seed &+ 100)
    return (0..<count).map { index in
      let uniform = Double.random(in: -1..<1, using: &generator)
      switch self {
      case .gaussian: return bell[index]
      // The difference of two waiting times, each the sum of geometric ones of ever finer steps.
      case .laplacian:
        var (value, step) = (0.0, 0.05)
        while Bool.random(using: &generator) { value += step }
        for _ in 0..<20 {
          step /= 2
          if Double.random(in: 0..<1, using: &generator) < 0.5 { value += step }
        }
        return uniform < 0 ? -value : value
      case .uniform: return uniform
      case .sparse: return uniform < 0.8 ? 0 : bell[index]
      }
    }
  }
}

/// What a survey foretells, against what the coder does.
struct TensorSurveyTests {
  private static let planeCount = 11

  /// A matrix in planes, pass by pass: the survey, what each pass took and what the error is after it.
  private struct Measured {
    let survey: TensorSurvey
    var passes: [(pass: Pass, before: TensorProgress, byteCount: Double, error: Double)] = []

    init(_ dtype: DType, _ values: [Double], mantissas: [Int] = []) throws {
      var model = CodedModel()
      try model.add(dtype, [values.count / 100, 100], near: values)
      let grid = try #require(model.tensors[0].grid)
      survey = unsafe TensorSurvey(model.bytes.span.bytes, grid)
      let original = model.values(of: 0, in: model.bytes)
      var encoder = CodedStreamEncoder(model.tensors, .flat)
      var decoder = CodedStreamDecoder(model.tensors, at: [0], .flat)
      var memory = [UInt8](repeating: 0, count: model.bytes.count)
      for unit in CodedModel.passes(
        of: 0, planes: mantissas.isEmpty ? TensorSurveyTests.planeCount : 3, mantissas: mantissas)
      {
        var before = encoder.progress(of: 0)
        if !before.hasHeader { before.begin(topLevel: survey.head.topLevel) }
        let start = encoder.bitPosition
        unsafe encoder.encode(unit.pass, of: 0, model.bytes.span.bytes, survey.head)
        let byteCount = (encoder.bitPosition - start) / 8
        encoder.endCodeword()
        let codeword = encoder.takeBytes()
        var position = 0
        var span = memory.mutableSpan
        var raw = unsafe span.mutableBytes
        let outcome = try decoder.decode(
          codeword.span, at: &position, isLast: true, workLimit: 1 << 30, into: &raw)
        #expect(outcome == .hasEnded)
        var error = 0.0
        for (value, known) in zip(original, model.values(of: 0, in: memory)) {
          error += (value - known) * (value - known)
        }
        passes.append((unit.pass, before, byteCount, error))
      }
    }

    func expectedError(after index: Int) -> Double {
      let (pass, before, _, _) = passes[index]
      return switch pass {
      case .significance:
        survey.squaredError(refined: before.planeCount, significant: before.planeCount + 1)
      case .refinement:
        survey.squaredError(refined: before.planeCount, significant: before.planeCount)
      case .mantissa(let bits):
        survey.squaredError(mantissaBits: bits, planeCount: before.planeCount)
      case .bytes: .nan
      }
    }
  }

  private func expectForetold(
    _ measured: Measured, tolerance share: Double = 0.02, _ comment: String
  ) {
    let sizes = PassSizes(measured.survey)
    for (index, pass) in measured.passes.enumerated() {
      let expected = measured.expectedError(after: index)
      let tolerance = max(share * pass.error, 1e-12)
      #expect(abs(expected - pass.error) <= tolerance, "error after \(pass.pass), \(comment)")
      let byteCount = sizes.bitCount(of: pass.pass, after: pass.before) / 8
      #expect(
        abs(byteCount - pass.byteCount) <= max(0.01 * pass.byteCount, 8),
        "bytes of \(pass.pass), \(comment)")
    }
  }

  @Test(arguments: Distribution.allCases)
  func errorAndSizeOfEachPassAreForetold(_ distribution: Distribution) throws {
    let values = distribution.values(20_000, seed: 6)
    expectForetold(try Measured(.f32, values), tolerance: distribution.tolerance, "f32")
  }

  @Test(arguments: [DType.bf16, .f16])
  func theyAreForetoldOfNarrowFloatsToTheirLastBit(_ dtype: DType) throws {
    expectForetold(try Measured(dtype, Distribution.gaussian.values(20_000, seed: 7)), "\(dtype)")
  }

  @Test func theyAreForetoldOfValuesThatAreNarrowerThanTheirType() throws {
    let rounded = Distribution.gaussian.values(20_000, seed: 8).map {
      FloatBits.value(FloatBits.bits($0, .bf16), .bf16)
    }
    expectForetold(try Measured(.f32, rounded), "bf16 in f32")
  }

  @Test(arguments: Distribution.allCases)
  func mantissaPassesAreForetold(_ distribution: Distribution) throws {
    let values = distribution.values(20_000, seed: 9)
    expectForetold(
      try Measured(.f32, values, mantissas: [4, 8, 23]), tolerance: distribution.tolerance,
      "mantissas")
  }

  @Test func countsAndEnergyAreThoseOfTheValues() throws {
    var model = CodedModel()
    let values: [Double] = [0, -0.0, 1, -3, 0.5, .infinity, .nan, 0, 6]
    try model.add(.f32, [3, 3], near: values)
    let grid = try #require(model.tensors[0].grid)
    let survey = unsafe TensorSurvey(model.bytes.span.bytes, grid)
    #expect(survey.finiteCount == 7 && survey.zeroCount == 3)
    #expect(survey.energy == 1 + 9 + 0.25 + 36)
    #expect(survey.head.hasExceptions && survey.topExponent == 2)
    // All known: no error; nothing known: all energy.
    #expect(survey.squaredError(mantissaBits: 23, planeCount: 0) == 0)
    #expect(survey.squaredError(refined: 0, significant: 0) == survey.energy)
  }

  @Test func tensorOfZerosHasNoTop() throws {
    var model = CodedModel()
    try model.add(.f16, [50], near: Array(repeating: 0, count: 50))
    let grid = try #require(model.tensors[0].grid)
    let survey = unsafe TensorSurvey(model.bytes.span.bytes, grid)
    #expect(survey.head == TensorHead(topLevel: nil, hasExceptions: false))
    #expect(survey.energy == 0 && survey.zeroCount == 50)
    #expect(PassSizes(survey).bitCount(of: .significance, after: TensorProgress()) == 0)
  }
}
