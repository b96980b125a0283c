import ArgumentParser
import Checkpoints
import Runtime
import SerialDriver
import Streaming
import SystemPackage
import WeightCodec

/// The command `wtserial plan MODEL`.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Show how a model would be sent, and what is usable when.",
    discussion: """
      Prints the milestones: what all of the model has reached after how many bytes and seconds, and \
      how good it is to be expected then, as the ratio of signal to noise in the weights. Sizes are \
      estimates that take no coding, within a percent; --measure codes everything.

        wtserial plan model.pt --baud 115200
        wtserial plan model.pt --until 10000 --out early.safetensors
        wtserial plan model.pt --plot curve.svg

      Bytes are those of the stream, records and all; the link adds one or two percent on a good line.
      """)

  @Argument(help: "The file to plan.", completion: .file())
  var model: String
  @OptionGroup var contents: ContentOptions
  @Option(help: ArgumentHelp("The rate of the line, in bits a second.", valueName: "rate"))
  var baud = 115_200
  @Flag(help: "Code everything, and print true sizes.")
  var measure = false
  @Flag(help: "Print what is expected of each large tensor at each milestone, too.")
  var tensors = false
  @Option(
    help: ArgumentHelp(
      "With --out: the model as a receiver has it after so many bytes of the stream.",
      valueName: "bytes"))
  var until: Int?
  @Option(
    help: ArgumentHelp("The safetensors file to write.", valueName: "file"), completion: .file())
  var out: String?
  @Option(
    help: ArgumentHelp(
      "Draw quality over bytes, beside tensor after tensor, as SVG.", valueName: "file"),
    completion: .file())
  var plot: String?
  @Option(
    help: ArgumentHelp(
      "An earlier version, which the receiver holds: plan what is kept of it, and what differs.",
      valueName: "file"), completion: .file())
  var base: String?
  @Flag(help: "One JSON object on standard output, with every unit.")
  var json = false

  func validate() throws {
    guard baud > 0 else { throw ValidationError("--baud takes at least 1.") }
    guard (until == nil) == (out == nil) else {
      throw ValidationError("--until and --out go together.")
    }
    if let until, until < 0 { throw ValidationError("--until takes a number of bytes.") }
    for (option, file) in [("--out", out), ("--plot", plot)] {
      guard let file, Self.isSameFile(file, model) else { continue }
      throw ValidationError("\(option) would replace the model itself, \(model).")
    }
  }

  func run() throws {
    let console = Console(isJSON: json, isQuiet: false, port: nil, model: model, verb: .inspect)
    try console.reportingErrors { try plan() }
  }

  private func plan() throws {
    let checkpoint = try Checkpoint(opening: FilePath(model))
    let policy = try contents.policy(for: checkpoint)
    let source = ModelSource(checkpoint, policy)
    let name = FilePath(model).lastComponent?.string ?? model
    let earlier = try base.map { try EarlierOptions.open($0, before: checkpoint) }
    let plan =
      try earlier.map { try ModelPlan(source, named: name, policy, from: $0) }
      ?? ModelPlan(source, named: name, policy)
    func preview() throws -> PlanPreview {
      guard let earlier else { return PlanPreview(source, plan) }
      return try PlanPreview(source, plan, from: earlier)
    }
    if let until, let out {
      var preview = try preview()
      try preview.write(after: until, to: FilePath(out), SnapshotPolicy())
      if !json { print("\(out): the model after \(preview.byteCount) bytes of the stream") }
    }
    var report = PlanReport(plan.plan, baudRate: baud)
    if measure {
      var preview = try preview()
      report.take(
        stepByteCounts: try preview.measure(), preview.milestones, total: preview.byteCount)
    }
    if let plot {
      var naive = policy
      naive.codec = .plain(Self.naive)
      let other = try ModelPlan(ModelSource(checkpoint, naive), named: name, naive)
      let drawing = PlanPlot(report, PlanReport(other.plan, baudRate: baud), title: name)
      var file = try OutputFile(FilePath(plot))
      try file.write(Array(drawing.svg.utf8), at: 0)
      try file.finish()
    }
    if json {
      print(report.json)
    } else if until == nil {
      let takeover = plan.plan.manifest.takeover
      if earlier != nil { print(takeover.isEmpty ? "nothing is kept" : takeover.sentence) }
      print(report.table)
      if tensors { print("\n" + report.tensorTable) }
    }
  }

  static func isSameFile(_ path: String, _ other: String) -> Bool {
    guard let status = FileStatus(of: FilePath(path)) else { return false }
    return status == FileStatus(of: FilePath(other))
  }

  /// What anybody would do first: the file's floats, one tensor after the other.
  private static var naive: PlainPolicy {
    var policy = PlainPolicy(representation: .exact, compression: .none)
    policy.isInFileOrder = true
    return policy
  }
}
