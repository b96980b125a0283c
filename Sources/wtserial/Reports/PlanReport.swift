import Streaming
import Tensors
import WeightCodec

/// A plan for people and for programs.
struct PlanReport {
  /// A step with its place in the stream.
  struct Unit {
    var tensor: String
    var pass: String
    var plane: Int?
    var byteCount: Double
    var gain: Double
    /// What is expected of its tensor behind it, in decibels; nil for exactness.
    var tensorSignalToNoise: Double?
    /// Bytes of the stream to its end, and the ratio that is expected there, in decibels.
    var endByteCount: Double
    var signalToNoise: Double?
  }

  struct MilestoneRow {
    var name: String
    var byteCount: Double
    var signalToNoise: Int?
    /// Of tensors by index, the squared error that is expected, in parts of the energy.
    var errors: [Int: Double]
  }

  private let plan: TransferPlan
  private let baudRate: Int
  private(set) var units: [Unit] = []
  private(set) var milestones: [MilestoneRow] = []
  private(set) var totalByteCount: Double

  init(_ plan: TransferPlan, baudRate: Int) {
    self.plan = plan
    self.baudRate = baudRate
    totalByteCount = plan.byteCount
    build(plan.steps.map(\.byteCount))
  }

  /// Replaces estimates by what a real run took.
  mutating func take(
    stepByteCounts: [Double], _ reached: [(milestone: Milestone, byteCount: Int)], total: Int
  ) {
    build(stepByteCounts)
    totalByteCount = Double(total)
    for index in milestones.indices {
      milestones[index].byteCount = Double(reached[index].byteCount)
    }
  }

  private mutating func build(_ byteCounts: [Double]) {
    units = []
    milestones = []
    var position = Double(plan.manifestByteCount)
    var planes: [Int: Int] = [:]
    var quality = PlanQuality(plan.manifest, baseErrors: plan.baseErrors)
    for (step, byteCount) in zip(plan.steps, byteCounts) {
      position += byteCount
      guard case .milestone(let milestone) = step.action else {
        quality.note(step)
        units.append(unit(step, byteCount, at: position, &planes, quality))
        continue
      }
      milestones.append(
        MilestoneRow(
          name: "\(milestone.name)", byteCount: position, signalToNoise: milestone.signalToNoise,
          errors: quality.errors))
    }
  }

  private func unit(
    _ step: PlanStep, _ byteCount: Double, at position: Double, _ planes: inout [Int: Int],
    _ quality: PlanQuality
  ) -> Unit {
    var unit = Unit(
      tensor: "", pass: "content", plane: nil, byteCount: byteCount, gain: step.gain,
      tensorSignalToNoise: PlanQuality.decibels(step.relativeError), endByteCount: position,
      signalToNoise: quality.signalToNoise)
    guard let index = step.tensorIndex else { return unit }
    unit.tensor = plan.manifest.entries[index].tensor.name.description
    guard case .pass(let pass, _) = step.action else { return unit }
    switch pass {
    case .significance:
      unit.pass = "significance"
      unit.plane = planes[index] ?? 0
      planes[index] = (planes[index] ?? 0) + 1
    case .refinement:
      unit.pass = "refinement"
      unit.plane = (planes[index] ?? 1) - 1
    case .mantissa(let bits):
      let format = FloatFormat(plan.manifest.entries[index].tensor.dtype)
      unit.pass = bits == format?.mantissaBits ? "exact" : "short"
    case .bytes: unit.pass = "bytes"
    }
    return unit
  }

  // MARK: - For people

  var table: String {
    let rows = milestones.map { row in
      [
        row.name, "\(Int(row.byteCount.rounded()))", share(row.byteCount),
        durationText(row.byteCount * 10 / Double(baudRate)),
        row.signalToNoise.map { "\($0) dB" } ?? "",
      ]
    }
    let heading = ["reached", "bytes", "of raw", "after", "signal to noise"]
    let size = byteText(plan.manifest.byteCount)
    return """
      \(printableText(plan.manifest.name)): \(countText(plan.manifest.entries.count, "tensor")), \(size), \
      as \(byteText(Int(totalByteCount.rounded()))) at \(baudRate) baud

      \(aligned([heading] + rows, rightAligned: [1, 2, 3, 4]))
      """
  }

  /// What is expected of each large tensor at each milestone, in decibels.
  var tensorTable: String {
    let large = plan.manifest.entries.indices.filter {
      PlanQuality.counts(plan.manifest.entries[$0])
    }
    let rows = large.map { index in
      [printableText(plan.manifest.entries[index].tensor.name.utf8)]
        + milestones.map { row in
          guard let error = row.errors[index] else { return "-" }
          return PlanQuality.decibels(error).map { "\(Int($0.rounded()))" } ?? "exact"
        }
    }
    let heading = ["dB"] + milestones.map(\.name)
    return aligned([heading] + rows, rightAligned: Set(1...max(milestones.count, 1)))
  }

  private func share(_ byteCount: Double) -> String {
    guard plan.manifest.byteCount > 0 else { return "" }
    let total = Double(plan.manifest.byteCount)
    let tenths = Int((byteCount / total * 1000).rounded())
    return "\(tenths / 10).\(tenths % 10) %"
  }

  // MARK: - For programs

  var json: String {
    jsonText(
      PlanRecord(
        total_bytes: Int(totalByteCount.rounded()), tensor_bytes: plan.manifest.byteCount,
        kept_tensors: plan.manifest.takeover.keptCount,
        kept_bytes: plan.manifest.takeover.keptByteCount,
        differences: plan.manifest.takeover.differenceCount, baud: baudRate,
        milestones: milestones.map {
          PlanRecord.Milestone(
            name: $0.name, bytes: Int($0.byteCount.rounded()),
            seconds: $0.byteCount * 10 / Double(baudRate), snr_db: $0.signalToNoise)
        },
        units: units.map {
          PlanRecord.Unit(
            tensor: $0.tensor, plane: $0.plane, pass: $0.pass, bytes: $0.byteCount, gain: $0.gain,
            snr_db: $0.tensorSignalToNoise)
        }))
  }
}

/// The JSON object of `plan`.
private struct PlanRecord: Encodable {
  let event = "plan"
  let schema = Event.schemaVersion

  struct Milestone: Encodable {
    let name: String
    let bytes: Int
    let seconds: Double
    let snr_db: Int?
  }

  struct Unit: Encodable {
    let tensor: String
    let plane: Int?
    let pass: String
    let bytes: Double
    let gain: Double
    let snr_db: Double?
  }

  let total_bytes: Int
  let tensor_bytes: Int
  /// Of what the receiver holds: tensors that stay, their size, and those that go as differences.
  let kept_tensors: Int
  let kept_bytes: Int
  let differences: Int
  let baud: Int
  let milestones: [Milestone]
  let units: [Unit]
}
