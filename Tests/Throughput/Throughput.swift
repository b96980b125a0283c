import Checkpoints
import LineModel
import Runtime
import Streaming

/// Prints the table of goodputs that `Scripts/throughput` compares with the one that is checked in.
@main
enum Throughput {
  private static let bitErrorRates = [0, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3]

  static func main() async throws {
    let rows = Row.all
    // The cells of a row differ in length: single ones keep all processors busy to the end.
    let cells = try await withThrowingTaskGroup(of: (Int, String).self) { group in
      for (index, row) in rows.enumerated() {
        for (column, bitErrorRate) in bitErrorRates.enumerated() {
          group.addTask {
            let text = try row.goodput(bitErrorRate: bitErrorRate)
            return (index * bitErrorRates.count + column, text)
          }
        }
      }
      var cells: [Int: String] = [:]
      for try await (index, text) in group { cells[index] = text }
      return cells
    }
    print(heading)
    for (index, row) in rows.enumerated() {
      let start = index * bitErrorRates.count
      print(row.text(bitErrorRates.indices.map { cells[start + $0] ?? "" }))
    }
  }

  private static var heading: String {
    """
    Goodput of whole transfers of random bytes, in percent of the line's rate, by bit error rate; a dash
    where the model was not verified. Made by Scripts/throughput --update.

    correction window  mtu   baud latency\
    \(bitErrorRates.map { aligned($0 == 0 ? "0" : "\($0)", 8) }.joined())
    """
  }
}

/// A row of the table: a line without noise, and its ends.
struct Row: Sendable {
  let usesCorrection: Bool
  let window: Int
  let mtu: Int
  let baudRate: UInt32
  let latencyMilliseconds: UInt64

  static let all = [true, false].flatMap { usesCorrection in
    [32, 1].flatMap { window in
      [1024, 256].flatMap { mtu in
        [9600, 115_200, 921_600].flatMap { (baudRate: UInt32) in
          [0, 1, 16].map { (latency: UInt64) in
            Row(
              usesCorrection: usesCorrection, window: window, mtu: mtu, baudRate: baudRate,
              latencyMilliseconds: latency)
          }
        }
      }
    }
  }

  /// Sends what the line carries in half a minute, or in a whole one where that is little.
  func goodput(bitErrorRate: Double) throws -> String {
    var settings = SimulatedTransfer.Settings()
    settings.line.baudRate = baudRate
    settings.line.latencyNanoseconds = latencyMilliseconds * 1_000_000
    settings.line.bitErrorRate = bitErrorRate
    settings.mtu = mtu
    settings.window = window
    settings.usesCorrection = usesCorrection
    let seconds = baudRate < 50_000 ? 60 : 30
    let bytes = try Checkpoint(
      randomByteCount: Int(baudRate) / 10 * seconds, seed: settings.seed)
    let transfer = try SimulatedTransfer(
      settings, bytes, named: "random", SendPolicy(.plain(PlainPolicy(compression: .none))))
    return transfer.goodputText(baudRate: baudRate)
  }

  func text(_ cells: [String]) -> String {
    let correction = usesCorrection ? "auto      " : "off       "
    return correction + aligned("\(window)", 7) + aligned("\(mtu)", 5) + aligned("\(baudRate)", 7)
      + aligned("\(latencyMilliseconds) ms", 8) + cells.map { aligned($0, 8) }.joined()
  }
}

private func aligned(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}
