import Runtime

/// Quality over bytes as a drawing of its own, readable anywhere: the plan, its milestones, and what
/// comes of sending tensor after tensor.
struct PlanPlot {
  private static let width = 720.0
  private static let height = 420.0
  // Left, top, right, bottom.
  private static let margins = (64.0, 44.0, 32.0, 56.0)
  private static let decibelLimit = 70.0

  private let report: PlanReport
  private let naive: PlanReport
  private let title: String
  private let byteLimit: Double

  init(_ report: PlanReport, _ naive: PlanReport, title: String) {
    self.report = report
    self.naive = naive
    self.title = title
    byteLimit = max(report.totalByteCount, naive.totalByteCount, 1)
  }

  var svg: String {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" \
    font-family="sans-serif" font-size="12">
    <rect width="100%" height="100%" fill="white"/>
    <text x="\(Self.margins.0)" y="22" font-size="15">\(Self.escaped(title))</text>
    \(axes)
    \(curve(naive, colour: "#999999"))
    \(curve(report, colour: "#0b62a4"))
    \(milestones)
    \(legend)
    </svg>

    """
  }

  private func x(_ bytes: Double) -> Double {
    Self.margins.0 + bytes / byteLimit * (Self.width - Self.margins.0 - Self.margins.2)
  }

  private func y(_ decibels: Double?) -> Double {
    let share = min(max(decibels ?? Self.decibelLimit, 0), Self.decibelLimit) / Self.decibelLimit
    return Self.height - Self.margins.3
      - share * (Self.height - Self.margins.1 - Self.margins.3)
  }

  private var axes: String {
    var lines: [String] = []
    for decibels in stride(from: 0.0, through: Self.decibelLimit, by: 10) {
      let place = text(y(decibels))
      lines.append(
        "<line x1=\"\(text(x(0)))\" x2=\"\(text(x(byteLimit)))\" y1=\"\(place)\" y2=\"\(place)\" "
          + "stroke=\"#dddddd\"/><text x=\"\(text(x(0) - 8))\" y=\"\(text(y(decibels) + 4))\" "
          + "text-anchor=\"end\">\(Int(decibels))</text>")
    }
    for bytes in stride(from: 0, through: byteLimit, by: byteStep) {
      lines.append(
        "<text x=\"\(text(x(bytes)))\" y=\"\(text(Self.height - 32))\" "
          + "text-anchor=\"middle\">\(byteText(Int(bytes)))</text>")
    }
    lines.append(
      "<text x=\"\(text(Self.width / 2))\" y=\"\(text(Self.height - 10))\" text-anchor=\"middle\">"
        + "bytes of the stream</text><text x=\"16\" y=\"\(text(Self.height / 2))\" "
        + "transform=\"rotate(-90 16 \(text(Self.height / 2)))\" text-anchor=\"middle\">"
        + "signal to noise, dB</text>")
    return lines.joined(separator: "\n")
  }

  /// 1, 2 or 5 times a power of ten, so that there are four to ten steps.
  private var byteStep: Double {
    var step = 1.0
    while true {
      for factor in [1.0, 2, 5] where byteLimit / (step * factor) <= 10 { return step * factor }
      step *= 10
    }
  }

  private func curve(_ report: PlanReport, colour: String) -> String {
    var points = ["\(text(x(0))),\(text(y(0)))"]
    for unit in report.units {
      points.append("\(text(x(unit.endByteCount))),\(text(y(unit.signalToNoise)))")
    }
    return "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"2\" points=\""
      + points.joined(separator: " ") + "\"/>"
  }

  /// A dot for each, with its name to the right, where the curve is not, unless the last name is in the way.
  private var milestones: String {
    var lines: [String] = []
    var lastHeight = Double.infinity
    for row in report.milestones {
      let (place, height) = (x(row.byteCount), y(row.signalToNoise.map(Double.init)))
      lines.append(
        "<circle cx=\"\(text(place))\" cy=\"\(text(height))\" r=\"4\" fill=\"#c0392b\"/>")
      guard lastHeight - height >= 12 || height == y(nil) else { continue }
      lines.append(
        "<text x=\"\(text(min(place + 9, Self.width - 70)))\" y=\"\(text(height + 12))\">"
          + "\(row.name)</text>")
      lastHeight = height
    }
    return lines.joined(separator: "\n")
  }

  private var legend: String {
    let place = text(Self.width - Self.margins.2)
    return "<text x=\"\(place)\" y=\"22\" text-anchor=\"end\"><tspan fill=\"#0b62a4\">as planned"
      + "</tspan>, <tspan fill=\"#777777\">tensor after tensor</tspan></text>"
  }

  private func text(_ number: Double) -> String { fixedText(number, digits: 1) }

  private static func escaped(_ text: String) -> String {
    printableText(text).map { character in
      switch character {
      case "<": "&lt;"
      case ">": "&gt;"
      case "&": "&amp;"
      default: String(character)
      }
    }.joined()
  }
}
