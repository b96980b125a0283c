import Runtime

/// Curves over time, or over bytes, as a drawing; the colours are those of the page that it stands in.
struct StepChart {
  /// One curve: what holds from each point to the next.
  struct Series {
    var name: String
    var points: [(place: Double, value: Double)]
  }

  private static let (width, height) = (760.0, 200.0)
  private static let (left, right, top, bottom) = (72.0, 16.0, 38.0, 26.0)

  let title: String
  /// Seconds since the command began, or bytes of the stream.
  let places: ClosedRange<Double>
  /// The first one lies above the others.
  let series: [Series]
  /// A value as a label of the axis.
  let label: (Double) -> String
  /// A place as a label of the other axis.
  var placeLabel: (Double) -> String = durationText
  /// Where the axis ends and its lines are; nil to go by the values.
  var scale: (top: Double, step: Double)?
  /// Whether each point is shown, besides the line from it to the next.
  var hasDots = false
  /// What cannot be exceeded.
  var limit: (value: Double, name: String)?
  /// Places that have a name.
  var marks: [(place: Double, name: String)] = []

  var svg: String {
    """
    <svg role="img" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))">
    <title>\(markupText(title))</title>
    <text class="heading" x="\(markupText(Self.left))" y="14">\(markupText(title))</text>
    \(legend)
    \(grid)
    \(markLines)
    \(series.indices.reversed().map(curve).joined(separator: "\n"))
    \(limitLine)
    </svg>
    """
  }

  private var top: Double {
    let highest = series.flatMap { $0.points.map(\.value) }.max() ?? 0
    return max(highest, limit?.value ?? 0) * 1.05
  }

  private var valueStep: Double { scale?.step ?? Self.step(of: max(top, 1e-9), count: 4) }
  private var valueLimit: Double {
    scale?.top ?? max((top / valueStep).rounded(.up), 1) * valueStep
  }

  /// 1, 2 or 5 times a power of ten, so that there are at most `count` in a range.
  private static func step(of range: Double, count: Double) -> Double {
    var power = 1.0
    while power * count < range { power *= 10 }
    while power * count >= range * 10 { power /= 10 }
    return [0.1, 0.2, 0.5, 1].map { $0 * power }.first { $0 * count >= range } ?? power
  }

  private func x(_ place: Double) -> Double {
    let length = max(places.upperBound - places.lowerBound, 1e-9)
    let share = min(max((place - places.lowerBound) / length, 0), 1)
    return Self.left + share * (Self.width - Self.left - Self.right)
  }

  private func y(_ value: Double) -> Double {
    let share = min(max(value / valueLimit, 0), 1)
    return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
  }

  private func line(_ type: String, _ from: (Double, Double), _ to: (Double, Double)) -> String {
    "<line class=\"\(type)\" x1=\"\(markupText(from.0))\" y1=\"\(markupText(from.1))\" "
      + "x2=\"\(markupText(to.0))\" y2=\"\(markupText(to.1))\"/>"
  }

  private func words(_ text: String, _ x: Double, _ y: Double, _ anchor: String) -> String {
    "<text x=\"\(markupText(x))\" y=\"\(markupText(y))\" text-anchor=\"\(anchor)\">"
      + "\(markupText(text))</text>"
  }

  private var grid: String {
    var parts: [String] = []
    let count = Int((valueLimit / valueStep).rounded())
    for value in (0...count).map({ Double($0) * valueStep }) {
      parts.append(line("grid", (Self.left, y(value)), (Self.width - Self.right, y(value))))
      parts.append(words(label(value), Self.left - 6, y(value) + 4, "end"))
    }
    let step = max(Self.step(of: places.upperBound - places.lowerBound, count: 8), 1)
    var place = (places.lowerBound / step).rounded(.up) * step
    while place <= places.upperBound {
      parts.append(words(placeLabel(place), x(place), Self.height - 8, "middle"))
      place += step
    }
    return parts.joined(separator: "\n")
  }

  private var legend: String {
    guard series.count > 1 else { return "" }
    let names = series.enumerated().map { index, series in
      "<tspan class=\"name\(index + 1)\">\(markupText(series.name))</tspan>"
    }
    return "<text x=\"\(markupText(Self.width - Self.right))\" y=\"14\" text-anchor=\"end\">"
      + names.joined(separator: " · ") + "</text>"
  }

  private var limitLine: String {
    guard let limit else { return "" }
    let height = y(limit.value)
    return line("limit", (Self.left, height), (Self.width - Self.right, height))
      + words(limit.name, Self.width - Self.right - 4, height + 14, "end")
  }

  /// A name stands where the one before has left room.
  private var markLines: String {
    var parts: [String] = []
    var free = Self.left
    for mark in marks {
      let place = x(mark.place)
      parts.append(line("mark", (place, Self.top), (place, Self.height - Self.bottom)))
      let width = Double(mark.name.count) * 7 + 8
      let start = min(place - width / 2, Self.width - width)
      guard start >= free else { continue }
      parts.append(words(mark.name, start + width / 2, Self.top - 6, "middle"))
      free = start + width
    }
    return parts.joined(separator: "\n")
  }

  private func curve(_ index: Int) -> String {
    var points: [String] = []
    var last: Double?
    for point in series[index].points {
      let place = markupText(x(point.place))
      if let last { points.append("\(place),\(markupText(y(last)))") }
      if last != point.value { points.append("\(place),\(markupText(y(point.value)))") }
      last = point.value
    }
    if let last { points.append("\(markupText(x(places.upperBound))),\(markupText(y(last)))") }
    return "<polyline class=\"curve\(index + 1)\" points=\"\(points.joined(separator: " "))\"/>"
      + (hasDots ? dots(index) : "")
  }

  private func dots(_ index: Int) -> String {
    series[index].points.map { point in
      "\n<circle class=\"dot\(index + 1)\" cx=\"\(markupText(x(point.place)))\" "
        + "cy=\"\(markupText(y(point.value)))\" r=\"3\"/>"
    }.joined()
  }
}
