import LinkLayer
import Runtime
import Streaming

/// A page that tells how a transfer went, complete in itself: no script, nothing to load.
struct TransferPage {
  let history: TransferHistory
  /// The file's name, PORT as it was given, and the device that it led to, if it was found.
  let model: String
  let port: String
  let device: String?
  /// Nil where it did not come to one.
  let result: TransferResult?
  /// How it ended, in a sentence.
  let verdict: String
  /// When the command began, for people.
  let date: String
  /// Seconds that the command took.
  let seconds: Double

  var html: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" \
    content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <link rel="icon" href="data:,">
    <title>\(markupText(model)): \(result == nil ? "not sent" : "sent")</title>
    <style>
    \(PageStyle.css)
    </style>
    </head>
    <body>
    <h1><bdi>\(markupText(model))</bdi></h1>
    <p id="verdict" class="\(result == nil ? "bad" : "good")">\(markupText(verdict))</p>
    \(facts)
    \(charts)
    \(mentions)
    <footer>wtserial \(markupText(WTSerial.version)), \(markupText(date))</footer>
    </body>
    </html>

    """
  }

  // MARK: - Facts

  private var facts: String {
    var rows: [(id: String, name: String, value: String)] = []
    if let manifest = history.manifest {
      let tensors = countText(manifest.entries.count, "tensor")
      rows.append(("model", "Model", "\(byteText(manifest.byteCount)) in \(tensors)"))
    }
    let place = device.flatMap { $0 == port ? nil : " (\($0))" } ?? ""
    rows.append(("port", "Port", port + place))
    if let receiver = history.receiver { rows.append(("receiver", "Receiver", receiver)) }
    rows.append(("time", "Time", durationText(seconds)))
    if let progress = result?.progress ?? history.progress { rows += figures(progress) }
    var text = rows.map { row in
      "<div><dt>\(row.name)</dt><dd id=\"\(row.id)\">\(markupText(row.value))</dd></div>"
    }
    if let result {
      text.append(
        "<div class=\"wide\"><dt>SHA-256</dt><dd id=\"digest\">\(result.digest.hex)</dd></div>")
    }
    return "<dl>\n" + text.joined(separator: "\n") + "\n</dl>"
  }

  private func figures(
    _ progress: TransferProgress
  ) -> [(id: String, name: String, value: String)] {
    let line = ProgressLine(progress: progress)
    let isWhole = result != nil
    let bytes = byteText(progress.byteCount)
    let total = isWhole ? "" : " of about \(byteText(progress.byteTotal))"
    let share =
      line.lineShare <= 1.05 ? ", \(Int((line.lineShare * 100).rounded())) % of the line" : ""
    let statistics = progress.statistics
    return [
      ("bytes", "Bytes through", bytes + total),
      ("goodput", "Goodput", "\(byteText(Int(line.goodput)))/s\(share)"),
      ("baud", "Rate of the line", "\(progress.baudRate) baud"),
      ("resent", "Frames sent again", "\(statistics.retransmissions)"),
      ("busy", "Sent again since it was busy", "\(statistics.busyRepeats)"),
      ("timeouts", "Timeouts", "\(statistics.timeouts)"),
      ("damaged", "Answers damaged", "\(statistics.framesCorrupt)"),
    ]
  }

  // MARK: - Charts

  private var charts: String {
    guard let first = history.samples.first, let last = history.samples.last,
      last.time > first.time
    else { return "<p>Nothing of the model has been sent.</p>" }
    let times = first.time...last.time
    let charts = [
      goodputChart(times).svg,
      StepChart(
        title: "Errors, frames a second", places: times,
        series: [
          .init(name: "sent again", points: history.rates(of: \.retransmissions)),
          .init(name: "answers damaged", points: history.rates(of: \.damaged)),
          .init(name: "answers put right by parity", points: history.rates(of: \.corrected)),
        ], label: roundText
      ).svg,
      StepChart(
        title: "Segment size, bytes in a frame", places: times,
        series: [.init(name: "segment", points: history.values(of: \.segmentByteCount))],
        label: { byteText(Int($0)) }
      ).svg,
      StepChart(
        title: "Retransmission timeout (RTO), beyond the time on the wire", places: times,
        series: [.init(name: "timeout", points: history.values(of: \.timeout))],
        label: { "\(roundText($0)) ms" }
      ).svg,
    ]
    return (measurementCharts(times).map(\.svg) + charts).joined(separator: "\n")
  }

  private func goodputChart(_ times: ClosedRange<Double>) -> StepChart {
    var chart = StepChart(
      title: "Goodput", places: times,
      series: [.init(name: "goodput", points: history.rates(of: \.byteCount))],
      label: { "\(byteText(Int($0)))/s" })
    if let progress = history.progress, ProgressLine(progress: progress).lineShare <= 1.05 {
      chart.limit = (Double(progress.baudRate) / 10, "the line's rate")
    }
    chart.marks = history.mentions.filter(\.isMilestone).map { ($0.time, $0.name) }
    return chart
  }

  // MARK: - Milestones

  private var mentions: String {
    guard !history.mentions.isEmpty else { return "" }
    let total = Double(max(history.progress?.byteTotal ?? 0, 1))
    let rows = history.mentions.map { mention in
      let share = fixedText(Double(mention.byteCount) / total * 100, digits: 1)
      return "<tr><td class=\"number\">\(fixedText(mention.time, digits: 1)) s</td>"
        + "<td class=\"number\">\(byteText(mention.byteCount))</td>"
        + "<td class=\"number\">\(share) %</td><td>\(markupText(mention.name))</td>"
        + "<td>\(markupText(mention.words))</td></tr>"
    }
    return """
      <h2>Milestones and measurements</h2>
      <table id="milestones">
      <tr><th class="number">time</th><th class="number">bytes</th><th class="number">share</th>\
      <th>reached</th><th>quality</th></tr>
      \(rows.joined(separator: "\n"))
      </table>
      """
  }
}
