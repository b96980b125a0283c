extension FloatCode {
  /// The signs of a weight's neighbours, as far as they are known, added up: those to the left and to the
  /// right, and in a convolution's kernel those above and below, all of the same row of the matrix.
  ///
  /// Magnitudes are known from `knownBefore` on where the pass has been, and from `knownBehind` on where
  /// it has not; in a decoder's memory everything other than zero is.
  @unsafe @inline(__always)
  func signVote(
    _ memory: RawSpan, _ grid: TensorGrid, uncheckedAt index: Int, column: Int, knownBefore: Bits,
    knownBehind: Bits
  ) -> Int {
    let (width, rest) = (grid.kernelWidth, grid.columnCount &- column)
    var vote = 0
    if column >= 1 { vote &+= unsafe sign(memory, uncheckedAt: index &- 1, knownBefore) }
    if rest > 1 { vote &+= unsafe sign(memory, uncheckedAt: index &+ 1, knownBehind) }
    guard width > 1 else { return vote }
    if column >= width { vote &+= unsafe sign(memory, uncheckedAt: index &- width, knownBefore) }
    if rest > width { vote &+= unsafe sign(memory, uncheckedAt: index &+ width, knownBehind) }
    return vote
  }

  @unsafe @inline(__always)
  private func sign(_ memory: RawSpan, uncheckedAt index: Int, _ known: Bits) -> Int {
    let bits = unsafe load(memory, uncheckedAt: index)
    guard (bits & magnitudeMask) &- known < infinity &- known else { return 0 }
    return bits & signMask == 0 ? 1 : -1
  }
}
