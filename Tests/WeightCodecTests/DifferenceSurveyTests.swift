import LineModel
import Tensors
import Testing
import WeightCodec

/// What a survey of differences foretells, against what the coder does.
struct DifferenceSurveyTests {
  /// Weights, and a version of them from before.
  enum Tuning: CaseIterable {
    case all, light, rows, few, nothing

    func pair(_ count: Int) -> (new: [Double], old: [Double]) {
      let (old, change) = (weights(count, seed: 21), weights(count, seed: 22))
      var generator = SeededGenerator(seed: 23)
      let new = old.indices.map { index in
        switch self {
        case .all: old[index] + 0.03 * change[index]
        case .light: old[index] + 0.0004 * change[index]
        case .rows: old[index] + (index / 100 % 7 == 3 ? 0.01 * change[index] : 0)
        case .few:
          old[index] + (Int.random(in: 0..<20, using: &generator) == 0 ? 0.1 * change[index] : 0)
        case .nothing: old[index]
        }
      }
      return (new, old)
    }
  }

  private struct Measured {
    let survey: DifferenceSurvey
    /// What each pass took, and the error after it.
    var passes: [(byteCount: Double, error: Double)] = []
    /// What the mantissa pass took behind them.
    var mantissas = 0.0

    init(_ dtype: DType, _ tuning: Tuning, count: Int, _ variant: CodecVariant) throws {
      let (new, old) = tuning.pair(count)
      var model = CodedModel()
      try model.add(
        dtype, [count / 100, 100], new.map { FloatBits.bits($0, dtype) },
        from: old.map { FloatBits.bits($0, dtype) })
      let grid = try #require(model.tensors[0].grid)
      let survey = unsafe DifferenceSurvey(
        model.bytes.span.bytes, from: model.bases.span.bytes, grid, variant)
      #expect(survey.head == model.head(of: 0))
      self.survey = survey
      let values = model.values(of: 0, in: model.bytes)
      var encoder = CodedStreamEncoder(model.tensors, variant)
      var receiver = Receiver(model, variant)
      for step in survey.steps.prefix(survey.stepCount(planes: survey.bestPlaneCount)) {
        let before = encoder.bitPosition
        model.encode(step.pass, of: 0, survey.head, with: &encoder)
        let taken = (encoder.bitPosition - before) / 8
        encoder.endCodeword()
        try receiver.receive(encoder.takeBytes())
        let error = zip(values, model.values(of: 0, in: receiver.memory))
          .map { $0 - $1 }.reduce(0.0) { $0 + $1 * $1 }
        passes.append((taken, error))
      }
      let before = encoder.bitPosition
      model.encode(.mantissa(bits: grid.format.mantissaBits), of: 0, survey.head, with: &encoder)
      mantissas = (encoder.bitPosition - before) / 8
    }
  }

  /// Takes codewords as they come.
  private struct Receiver: ~Copyable {
    var memory: [UInt8]
    private var decoder: CodedStreamDecoder

    init(_ model: CodedModel, _ variant: CodecVariant) {
      memory = model.bases
      decoder = CodedStreamDecoder(model.tensors, at: model.offsets, variant)
    }

    mutating func receive(_ codeword: [UInt8]) throws {
      var (position, held) = (0, memory)
      var span = held.mutableSpan
      var raw = unsafe span.mutableBytes
      let outcome = try decoder.decode(
        codeword.span, at: &position, isLast: true, workLimit: 1 << 20, into: &raw)
      #expect(outcome == .hasEnded)
      memory = held
    }
  }

  @Test(arguments: [DType.f32, .bf16], Tuning.allCases)
  func sizesAndErrorsComeTrue(_ dtype: DType, _ tuning: Tuning) throws {
    let measured = try Measured(dtype, tuning, count: 12_000, .flat)
    let (survey, planes) = (measured.survey, measured.survey.bestPlaneCount)
    for (step, pass) in zip(survey.steps, measured.passes) {
      #expect(
        abs(step.bitCount / 8 - pass.byteCount) < 0.1 * pass.byteCount + 40,
        "\(step.bitCount / 8) for \(pass.byteCount)")
      #expect(
        abs(step.squaredError - pass.error) <= 0.1 * pass.error + 1e-3 * survey.baseError,
        "\(step.squaredError) for \(pass.error)")
    }
    let mantissas = survey.mantissaBitCount(afterPlanes: planes) / 8
    #expect(abs(mantissas - measured.mantissas) < 0.05 * measured.mantissas + 40)
    let sum = measured.passes.reduce(measured.mantissas) { $0 + $1.byteCount }
    #expect(abs(survey.bitCount(planes: planes) / 8 - sum) < 0.05 * sum + 100)
  }

  /// Codec lines tells rows that do not differ from others; what else it gains is not foretold.
  @Test(arguments: [DType.f32, .bf16], Tuning.allCases)
  func sizesWithLinesComeTrue(_ dtype: DType, _ tuning: Tuning) throws {
    let measured = try Measured(dtype, tuning, count: 12_000, .lines)
    let planes = measured.survey.bestPlaneCount
    let sum = measured.passes.reduce(measured.mantissas) { $0 + $1.byteCount }
    let foretold = measured.survey.bitCount(planes: planes) / 8
    #expect(abs(foretold - sum) < 0.1 * sum + 100, "\(foretold) for \(sum)")
  }

  /// The error before the first pass is how far the base is off.
  @Test func whatDiffersIsCounted() throws {
    var model = CodedModel()
    let (old, new) = ([1.0, 2, 3, 4, -0.0, 6], [1.0, 2.5, 3, 3, 0, .nan])
    try model.add(
      .f32, [2, 3], new.map { FloatBits.bits($0, .f32) },
      from: old.map { FloatBits.bits($0, .f32) })
    let grid = try #require(model.tensors[0].grid)
    let survey = unsafe DifferenceSurvey(
      model.bytes.span.bytes, from: model.bases.span.bytes, grid, .flat)
    #expect(survey.differingCount == 3)
    #expect(survey.baseError == 1.25)
    #expect(survey.energy == 25.25)
    #expect(survey.head.hasExceptions)
  }

  /// With as many planes as the survey says, no other number of planes is much cheaper.
  @Test(arguments: Tuning.allCases)
  func bestPlaneCountIsNearlyTheBest(_ tuning: Tuning) throws {
    let (new, old) = tuning.pair(6000)
    var model = CodedModel()
    try model.add(
      .bf16, [60, 100], new.map { FloatBits.bits($0, .bf16) },
      from: old.map { FloatBits.bits($0, .bf16) })
    let grid = try #require(model.tensors[0].grid)
    let survey = unsafe DifferenceSurvey(
      model.bytes.span.bytes, from: model.bases.span.bytes, grid, .flat)
    let first = survey.head.commonPlaneCount
    func cost(_ count: Int) throws -> Int {
      model.encode(try model.basePasses(of: 0, planes: first + count), .flat)[0].count
    }
    let chosen = Double(try cost(survey.bestPlaneCount))
    for count in 0..<14 {
      let other = Double(try cost(count))
      #expect(chosen <= 1.02 * other + 20)
    }
  }
}
