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

  /// Garbles the line: what ends on the wire during `times` arrives as random bytes.
  ///
  /// Spans may overlap and come in any order.
  public mutating func garble(during times: Range<UInt64>) {
    guard let index = collisions.firstIndex(where: { $0.overlaps(times) }) else {
      collisions.append(times)
      return
    }
    let lowerBound = min(collisions[index].lowerBound, times.lowerBound)
    collisions[index] = lowerBound..<max(collisions[index].upperBound, times.upperBound)
  }

  /// Lets both directions share one pair of wires, as in a half-duplex bus: where both transmit, each
  /// garbles the other.
  ///
  /// To be called after every time at which either has sent, before time goes on. An end does not
  /// hear itself.
  public mutating func collide(with other: inout LineDirection, at now: UInt64) {
    advance(to: now)
    other.advance(to: now)
    guard let end = transmitEnd, let otherEnd = other.transmitEnd else { return }
    let silence = min(end, otherEnd)
    // Without a limit of rate nothing takes time, so nothing meets.
    guard silence > now else { return }
    // What begins before the first of them falls silent is hit, what ends now is not.
    garble(during: now + 1..<silence + max(clock.byteTime, 1))
    other.garble(during: now + 1..<silence + max(other.clock.byteTime, 1))
  }

  mutating func isCut(at time: UInt64) -> Bool {
    while let cut = cuts.first, cut.upperBound <= time { cuts.removeFirst() }
    return cuts.first?.contains(time) ?? false
  }

  mutating func isColliding(at time: UInt64) -> Bool {
    guard !collisions.isEmpty else { return false }
    collisions.removeAll { $0.upperBound <= time }
    return collisions.contains { $0.contains(time) }
  }
}
