import LineModel
import Runtime

/// The goodput of many lines: a row for each rate and latency, a column for each bit error rate.
struct SweepTable {
  static let bitErrorRates = [0, 1e-6, 1e-5, 1e-4, 3e-4, 1e-3]
  private static let lines: [(baudRate: UInt32, latencyMilliseconds: UInt64)] = [
    (9600, 0), (115_200, 1), (115_200, 16), (921_600, 1), (921_600, 16),
  ]

  /// The settings of all cells, row by row; what is no axis is taken from `settings`.
  static func cells(of settings: SimulatedTransfer.Settings) -> [SimulatedTransfer.Settings] {
    lines.flatMap { line in
      bitErrorRates.map { bitErrorRate in
        var cell = settings
        cell.line.baudRate = line.baudRate
        cell.line.latencyNanoseconds = line.latencyMilliseconds * 1_000_000
        cell.line.bitErrorRate = bitErrorRate
        return cell
      }
    }
  }

  /// A cell in words.
  static func name(of settings: SimulatedTransfer.Settings) -> String {
    let milliseconds = settings.line.latencyNanoseconds / 1_000_000
    return "\(settings.line.baudRate) baud, latency \(milliseconds) ms, "
      + "bit error rate \(text(settings.line.bitErrorRate))"
  }

  private static func text(_ bitErrorRate: Double) -> String {
    bitErrorRate == 0 ? "0" : "\(bitErrorRate)"
  }

  private var rows = [["baud", "latency"] + bitErrorRates.map(text)]

  /// Adds the next cell.
  mutating func append(_ transfer: SimulatedTransfer, _ settings: SimulatedTransfer.Settings) {
    let columnCount = 2 + Self.bitErrorRates.count
    if rows[rows.count - 1].count == columnCount {
      let milliseconds = settings.line.latencyNanoseconds / 1_000_000
      rows.append(["\(settings.line.baudRate)", "\(milliseconds) ms"])
    }
    rows[rows.count - 1].append(
      transfer.goodputText(baudRate: settings.line.baudRate))
  }

  var text: String {
    "goodput in percent of the line's rate, by bit error rate; - where nothing was verified\n"
      + aligned(rows, rightAligned: Set(0..<rows[0].count))
  }
}
