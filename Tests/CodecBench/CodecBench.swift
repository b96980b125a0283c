import SystemPackage
import WeightCodec

/// Encodes and decodes a model, and prints how fast; or prints the streams, for other decoders.
///
/// A JSON object a line for each codec, extent and direction: weights and bytes of the coded stream in
/// a second, in the best of as many runs as fit into one. With `--vectors` the streams of each codec,
/// in the form of Tests/Vectors/coded.txt.
///
/// usage: CodecBench [--vectors] MODEL
@main
enum CodecBench {
  private static let variants: [CodecVariant] = [.lines, .flat]

  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let printsVectors = arguments.first == "--vectors"
    guard arguments.count == (printsVectors ? 2 : 1) else {
      return print("usage: CodecBench [--vectors] MODEL")
    }
    let model = try BenchModel(FilePath(arguments[arguments.count - 1]))
    if printsVectors { printVectors(model) } else { try measure(model) }
  }

  private static func printVectors(_ model: BenchModel) {
    for variant in variants {
      for line in model.vectors(variant) { print(line) }
    }
  }

  private static func measure(_ model: BenchModel) throws {
    for variant in variants {
      for extent in BenchModel.Extent.allCases {
        var (codewords, memory): ([[UInt8]], [UInt8]) = ([], [])
        let encoding = bestTime { codewords = model.encoded(variant, extent) }
        let decoding = try bestTime { memory = try model.decoded(codewords, variant) }
        guard model.isSame(memory, as: codewords, variant, extent) else {
          fatalError("decoded is not what was encoded")
        }
        let byteCount = codewords.reduce(0) { $0 + $1.count }
        for (direction, time) in [("encoder", encoding), ("decoder", decoding)] {
          let name = "wtserial \(variant), \(extent.rawValue), \(direction)"
          report(name, time, weightCount: model.weightCount(extent), byteCount: byteCount)
        }
      }
    }
  }

  private static func bestTime(_ work: () throws -> Void) rethrows -> Duration {
    let clock = ContinuousClock()
    let end = clock.now + .seconds(1)
    var best = Duration.seconds(1 << 30)
    repeat { best = min(best, try clock.measure(work)) } while clock.now < end
    return best
  }

  private static func report(_ name: String, _ time: Duration, weightCount: Int, byteCount: Int) {
    let seconds = time / .seconds(1)
    let fields = [
      #""name": "\#(name)""#,
      #""values_per_second": \#(Int(Double(weightCount) / seconds))"#,
      #""bytes_per_second": \#(Int(Double(byteCount) / seconds))"#,
    ]
    print("{\(fields.joined(separator: ", "))}")
  }
}
