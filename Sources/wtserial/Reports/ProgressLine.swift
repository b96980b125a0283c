import LinkLayer
import Runtime
import Streaming

/// One line that tells how far a transfer is; it fits the width of the terminal.
struct ProgressLine {
  let progress: TransferProgress

  /// The share of the stream that is through, 0 to 1.
  var share: Double {
    guard progress.byteTotal > 0 else { return 1 }
    return min(Double(progress.byteCount) / Double(progress.byteTotal), 1)
  }

  /// Stream bytes a second since the session was opened.
  var goodput: Double {
    let seconds = Double(progress.elapsed.microseconds) / 1e6
    return seconds > 0 ? Double(progress.byteCount) / seconds : 0
  }

  /// The goodput over what the line could carry at most, ten bits a byte.
  var lineShare: Double { goodput * 10 / Double(max(progress.baudRate, 1)) }

  /// Seconds to go, from what is through so far; nil while that is too little to judge by.
  var remainingSeconds: Double? {
    let share = share
    guard share > 0.01, progress.elapsed > .seconds(1) else { return nil }
    return Double(progress.elapsed.microseconds) / 1e6 * (1 - share) / share
  }

  /// The line with a bar, at most `width` columns: what tells least is left out first, the bar
  /// before the bytes.
  func text(width: Int) -> String {
    let withBar = [
      figures, percentText + bytesText + tierText + rateText + resentText + remainingText,
    ]
    for figures in withBar where width - figures.count > 8 {
      return "\(bar(min(width - figures.count - 1, 30))) \(figures)"
    }
    let withoutBar = [
      percentText + bytesText + tierText + rateText + remainingText,
      percentText + bytesText + tierText + remainingText, percentText + tierText + remainingText,
      percentText + remainingText,
    ]
    return withoutBar.first { $0.count <= width } ?? percentText
  }

  /// The line without a bar, for logs.
  var figures: String {
    percentText + bytesText + tierText + rateText + shareText + resentText + remainingText
  }

  private var tierText: String { progress.tier.map { "  \(Milestone($0).name)" } ?? "" }

  private var percentText: String { padded("\(Int((share * 100).rounded(.down))) %", 5) }

  private var bytesText: String {
    "  \(byteText(progress.byteCount)) of \(byteText(progress.byteTotal))"
  }

  private var rateText: String { "  \(byteText(Int(goodput)))/s" }

  /// A pseudo-terminal without a line behind it has no rate to compare with.
  private var shareText: String {
    lineShare <= 1.05 ? " (\(Int((lineShare * 100).rounded())) % of line)" : ""
  }

  private var resentText: String {
    let count = progress.statistics.retransmissions
    return count > 0 ? "  \(count) resent" : ""
  }

  private var remainingText: String {
    guard let remainingSeconds, share < 1 else { return "" }
    return "  ETA \(durationText(remainingSeconds))"
  }

  private func bar(_ columns: Int) -> String {
    let inner = columns - 2
    let filled = Int(share * Double(inner))
    return "[" + String(repeating: "#", count: filled)
      + String(repeating: "-", count: inner - filled) + "]"
  }

  private func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(width - text.count, 0)) + text
  }
}

/// Seconds for people: 9 s, 1:05, 2:03:04.
func durationText(_ seconds: Double) -> String {
  let whole = Int(seconds.rounded(.up))
  if whole < 60 { return "\(whole) s" }
  func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
  let (minutes, rest) = (whole / 60, whole % 60)
  if minutes < 60 { return "\(minutes):\(two(rest))" }
  return "\(minutes / 60):\(two(minutes % 60)):\(two(rest))"
}
