extension LineDirection {
  /// Cuts the line: what ends on the wire during `times` is lost.
  ///
  /// An upper bound of `.max` lasts until `heal(at:)`. Bytes that were past the wire, in the latency
  /// or in the FIFO, still arrive.
  public mutating func cut(during times: Range<UInt64>) {
    precondition(
      times.lowerBound >= cuts.last?.upperBound ?? 0, "cuts are scheduled in order, without overlap"
    )
    cuts.append(times)
  }

  /// Ends a cut that lasts at `now` and forgets those that would come.
  public mutating func heal(at now: UInt64) {
    advance(to: now)
    cuts.removeAll()
  }

  mutating func isCut(at time: UInt64) -> Bool {
    while let cut = cuts.first, cut.upperBound <= time { cuts.removeFirst() }
    return cuts.first?.contains(time) ?? false
  }
}
