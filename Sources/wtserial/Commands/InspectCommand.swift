import ArgumentParser
import Checkpoints
import Runtime
import Streaming
import SystemPackage
import Tensors

/// The command `wtserial inspect MODEL`.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what a model file holds.",
    discussion: """
      Reads the file as `send` would and executes nothing in it. With --digests or --json, the \
      SHA-256 of each tensor's bytes (row-major, little-endian) tells whether two models are the \
      same, whatever their formats.
      """)

  @Argument(help: "The file to look into.", completion: .file())
  var model: String
  @Flag(help: "One JSON object on standard output.")
  var json = false
  @Flag(help: "The SHA-256 of each tensor.")
  var digests = false

  func run() throws {
    let console = Console(isJSON: json, isQuiet: false, port: nil, model: model, verb: .inspect)
    try console.reportingErrors {
      let checkpoint = try Checkpoint(opening: FilePath(model))
      let digests = json || digests ? try checkpoint.digests() : nil
      let report = InspectReport(checkpoint, path: model, digests: digests)
      print(json ? report.json() : report.table())
    }
  }
}

extension Checkpoint {
  /// The SHA-256 of each tensor's bytes.
  fileprivate func digests() throws -> [Digest] {
    try tensors.indices.map { index in
      var digest = ContentDigest()
      let byteCount = tensors[index].descriptor.byteCount
      var offset = 0
      while offset < byteCount {
        let portion = try bytes(of: index, in: offset..<min(offset + 1 << 16, byteCount))
        digest.update(portion.span)
        offset += portion.count
      }
      return digest.finish()
    }
  }
}
