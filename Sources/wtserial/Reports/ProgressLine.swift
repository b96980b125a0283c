import LinkLayer
import Runtime
import Streaming

/// One line that tells how far a transfer is, as wide as there is room for.
struct ProgressLine {
  let progress: TransferProgress
  /// Seconds to go, as far as that is known.
  var remainingSeconds: Double?

  // Below that a bar says less than the figures that its room would have.
  private static let barColumns = 10...30

  /// The share of the stream that is through, 0 to 1.
  var share: Double {
    guard progress.byteTotal > 0 else { return 1 }
    return min(Double(progress.byteCount) / Double(progress.byteTotal), 1)
  }

  /// Stream bytes of this session a second.
  var goodput: Double {
    let seconds = Double(progress.elapsed.microseconds) / 1e6
    let byteCount = progress.byteCount - progress.resumedByteCount
    return seconds > 0 ? Double(byteCount) / seconds : 0
  }

  /// The goodput over what the line could carry at most, ten bits a byte.
  var lineShare: Double { goodput * 10 / Double(max(progress.baudRate, 1)) }

  /// The line with a bar, at most `width` columns, of which each character takes one: what tells least
  /// is left out first.
  func text(width: Int) -> String {
    for omitted in 0...Figure.allCases.count {
      let isShown = { figure in !Figure.allCases.prefix(omitted).contains(figure) }
      let figures = figures(where: isShown)
      guard isShown(.bar) else {
        if figures.count <= width { return figures }
        continue
      }
      let columns = min(width - figures.count - 1, Self.barColumns.upperBound)
      if columns >= Self.barColumns.lowerBound { return "\(bar(columns)) \(figures)" }
    }
    return String("\(percent)%".prefix(max(width, 0)))
  }

  /// The line without a bar, for logs.
  var figures: String { figures { _ in true } }

  // MARK: - Figures

  /// In the order in which they make room; the percentage stays.
  private enum Figure: CaseIterable {
    case byteTotal, retransmissions, lineShare, bar, goodput, bytes, tier, remaining
  }

  private func figures(where isShown: (Figure) -> Bool) -> String {
    var text = String(repeating: " ", count: percent < 10 ? 2 : percent < 100 ? 1 : 0)
    text += "\(percent) %"
    if isShown(.bytes) { text += "  \(byteText(progress.byteCount))" }
    if isShown(.byteTotal) { text += " of \(byteText(progress.byteTotal))" }
    if isShown(.tier), let tier = progress.tier { text += "  \(Milestone(tier).name)" }
    if isShown(.goodput) { text += "  \(byteText(Int(goodput)))/s" }
    // A pseudo-terminal without a line behind it has no rate to compare with.
    if isShown(.lineShare), lineShare <= 1.05 {
      text += " (\(Int((lineShare * 100).rounded())) % of line)"
    }
    let resent = progress.statistics.retransmissions
    if isShown(.retransmissions), resent > 0 { text += "  \(resent) resent" }
    if isShown(.remaining), share < 1, let remainingSeconds {
      text += "  ETA \(durationText(max(remainingSeconds, 1)))"
    }
    return text
  }

  private var percent: Int { Int((share * 100).rounded(.down)) }

  private func bar(_ columns: Int) -> String {
    let inner = columns - 2
    let filled = Int(share * Double(inner))
    return "[" + String(repeating: "#", count: filled)
      + String(repeating: "-", count: inner - filled) + "]"
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
