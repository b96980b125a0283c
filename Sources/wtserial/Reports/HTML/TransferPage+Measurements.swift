import Runtime

/// What the receiver has measured while the model came, as curves.
extension TransferPage {
  // A peer may measure as much as it likes; the table has the rest.
  private static let chartedNameLimit = 3

  /// Two of each name: over time, and over bytes.
  ///
  /// Values below zero are left to the table, for the axis begins there.
  func measurementCharts(_ times: ClosedRange<Double>) -> [StepChart] {
    history.measuredNames.prefix(Self.chartedNameLimit).flatMap { name -> [StepChart] in
      let found = history.measurements(of: name)
      guard found.allSatisfy({ $0.measurement.value >= 0 }) else { return [] }
      let units = Set(found.map(\.measurement.unit))
      // Of so many samples, and then of more of them.
      let isPercent = units.allSatisfy { $0.first == "%" }
      let unit = isPercent ? "%" : units.count == 1 ? units.first ?? "" : ""
      let label = { (value: Double) in
        unit.isEmpty ? roundText(value) : "\(roundText(value)) \(unit)"
      }
      let isShare = isPercent && found.allSatisfy { $0.measurement.value <= 100 }
      let byTime = found.map {
        (place: min($0.mention.time, times.upperBound), value: $0.measurement.value)
      }
      let byteCount = Double(max(history.progress?.byteTotal ?? 0, 1))
      return [
        chart("\(name) over time", times, byTime, label, durationText, isShare),
        chart(
          "\(name) over bytes", 0...byteCount, history.valuesByByteCount(of: name), label,
          { byteText(Int($0)) }, isShare),
      ]
    }
  }

  private func chart(
    _ title: String, _ places: ClosedRange<Double>, _ points: [(place: Double, value: Double)],
    _ label: @escaping (Double) -> String, _ placeLabel: @escaping (Double) -> String,
    _ isShare: Bool
  ) -> StepChart {
    StepChart(
      title: title, places: places, series: [.init(name: title, points: points)], label: label,
      placeLabel: placeLabel, scale: isShare ? (100, 20) : nil, hasDots: true)
  }
}
