import Checkpoints
import SystemPackage
import Tensors
import WeightCodec

/// Encodes and decodes a model whole, and prints how fast.
///
/// A JSON object a line, with the best of some runs. "encoder" and "decoder" are of the variant with
/// lines, "survey" is the planner's.
///
/// usage: CodecBench MODEL [PLANES [RUNS]]
@main
enum CodecBench {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard (2...4).contains(arguments.count) else {
      return print("usage: CodecBench MODEL [PLANES [RUNS]]")
    }
    let numbers = arguments.dropFirst(2).compactMap { Int($0) }
    let model = try BenchModel(FilePath(arguments[1]))
    let runCount = numbers.count > 1 ? numbers[1] : 3
    let clock = ContinuousClock()

    var best = Duration.seconds(1 << 30)
    for _ in 0..<runCount { best = min(best, clock.measure { model.survey() }) }
    report("survey", best, model)
    for (variant, prefix) in [(CodecVariant.lines, ""), (.flat, "flat ")] {
      var (encoding, decoding) = (Duration.seconds(1 << 30), Duration.seconds(1 << 30))
      var stream: [UInt8] = []
      for _ in 0..<runCount {
        let encoded = clock.measure {
          stream = model.encoded(variant, planeCount: numbers.first ?? 14)
        }
        var memory: [UInt8] = []
        let decoded = try clock.measure { memory = try model.decoded(stream, variant) }
        guard memory == model.memory else { fatalError("decoded is not what was encoded") }
        (encoding, decoding) = (min(encoding, encoded), min(decoding, decoded))
      }
      report(prefix + "encoder", encoding, model, stream)
      report(prefix + "decoder", decoding, model, stream)
    }
  }

  /// Prints a line; the bytes are those of the tensors, not of the stream.
  private static func report(
    _ name: String, _ time: Duration, _ model: BenchModel, _ stream: [UInt8]? = nil
  ) {
    let seconds = time / .seconds(1)
    var fields = [#""name": "\#(name)""#]
    fields.append(#""values_per_second": \#(Int(Double(model.valueCount) / seconds))"#)
    fields.append(#""bytes_per_second": \#(Int(Double(model.memory.count) / seconds))"#)
    if let stream {
      fields.append(#""coded_bytes": \#(stream.count)"#)
      fields.append(#""sha256": "\#(BenchModel.digest(stream))""#)
    }
    print("{\(fields.joined(separator: ", "))}")
  }
}
