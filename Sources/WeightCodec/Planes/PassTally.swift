/// What passes tell of samples of a tensor that has a base, as the encoder would: right and wrong
/// expectations of each kind, and what these take in the whole tensor.
struct PassTally<Bits: ElementBits> {
  /// Decisions of one kind.
  private struct Count {
    var total = 0.0
    var wrong = 0.0

    var bits: Double { PassSizes.adaptive(ones: wrong, of: total) }
  }

  /// Elements at even distances in rows, each of which stands for so many.
  private struct Sample {
    var new: [Bits] = []
    var old: [Bits] = []
    var columnCount = 0
    var share = 0.0
  }

  private let code: FloatCode<Bits>
  private let format: FloatFormat
  // Whether the samples have models of their own.
  private let tellsRowsApart: Bool
  private var samples: [Sample] = []
  // All magnitudes joined, whose last bits may be zero.
  private var all: Bits = 0
  /// The sum of squared differences in the samples.
  private(set) var baseError = 0.0

  init(_ code: FloatCode<Bits>, _ format: FloatFormat, tellsRowsApart: Bool) {
    (self.code, self.format, self.tellsRowsApart) = (code, format, tellsRowsApart)
  }

  /// Takes in about so many elements of some rows.
  mutating func add(
    _ memory: RawSpan, _ base: RawSpan, _ grid: TensorGrid, rows: [Int], count: Int
  ) {
    guard !rows.isEmpty else { return }
    var sample = Sample()
    sample.columnCount = min(grid.columnCount, max(128, count / rows.count))
    let rowCount = min(rows.count, max(count / sample.columnCount, 1))
    for place in 0..<rowCount {
      let start = rows[place * rows.count / rowCount] * grid.columnCount
      for column in 0..<sample.columnCount {
        let index = start + column * grid.columnCount / sample.columnCount
        let bits = code.load(memory, at: index)
        // What is not finite is told apart; here a value that does not differ stands for it.
        let isFinite = bits & code.magnitudeMask < code.infinity
        let baseBits = unsafe isFinite ? code.loadBase(base, uncheckedAt: index) : 0
        sample.new.append(isFinite ? bits : 0)
        sample.old.append(baseBits)
        all |= isFinite ? bits & code.magnitudeMask : 0
        let difference = isFinite ? format.value(UInt64(bits)) - format.value(UInt64(baseBits)) : 0
        baseError += difference * difference
      }
    }
    sample.share = Double(rows.count * grid.columnCount) / Double(sample.new.count)
    samples.append(sample)
  }

  // MARK: - Planes

  /// The bits of the significance pass whose threshold has this level.
  func significance(level: Int) -> Double {
    let (threshold, limit) = (code.power(atLevel: level), code.power(atLevel: level + 1))
    return decisions(kindCount: BaseModels.kindCount + BaseModels.signCount) { bits, base, note in
      let magnitude = bits & code.magnitudeMask
      guard magnitude < limit else { return }
      let held = min(base & code.magnitudeMask, limit &- 1)
      let isSignificant = magnitude >= threshold
      note(
        code.significanceKind(held, level: level), isSignificant == (held >= threshold))
      guard isSignificant else { return }
      let kind = BaseModels.kindCount + code.signKind(held, level: level)
      note(kind, (bits ^ base) & code.signMask == 0)
    }
  }

  /// The bits of the refinement pass behind it.
  func refinement(level: Int) -> Double {
    let known = code.power(atLevel: level + 1)
    return decisions(kindCount: BaseModels.kindCount) { bits, base, note in
      let magnitude = bits & code.magnitudeMask
      guard magnitude >= known else { return }
      let mask = code.unknownMask(of: magnitude, floor: level + 1)
      guard mask > 0 else { return }
      let marker = mask &- mask >> 1
      let held = code.held(bits, from: base, unknownBits: mask)
      note(
        code.refinementKind(held & code.magnitudeMask, marker: marker), (bits ^ held) & marker == 0)
    }
  }

  /// The bits of all decisions that are noted for the elements.
  private func decisions(
    kindCount: Int, _ each: (Bits, Bits, (_ kind: Int, _ isRight: Bool) -> Void) -> Void
  ) -> Double {
    var counts: [Count] = []
    for (place, sample) in samples.enumerated() {
      if place == 0 || tellsRowsApart {
        counts += [Count](repeating: Count(), count: kindCount)
      }
      let start = counts.count - kindCount
      for (bits, base) in zip(sample.new, sample.old) {
        each(bits, base) { kind, isRight in
          counts[start + kind].total += sample.share
          counts[start + kind].wrong += isRight ? 0 : sample.share
        }
      }
    }
    return counts.reduce(0) { $0 + $1.bits }
  }

  /// The sum of squared errors of what is held when levels from `floor` on are told; bits that stand for
  /// 2 to the `floor`, too, or only those above.
  func squaredError(floor: Int, isRefined: Bool) -> Double {
    let known = code.power(atLevel: floor + 1)
    var sum = 0.0
    for sample in samples {
      for (bits, base) in zip(sample.new, sample.old) where bits != base {
        let isOlder = bits & code.magnitudeMask >= known
        let held = code.held(bits, from: base, floor: isOlder && !isRefined ? floor + 1 : floor)
        let error = format.value(UInt64(bits)) - format.value(UInt64(held))
        sum += error * error
      }
    }
    return sum
  }

  // MARK: - Mantissas

  /// The bits of the mantissa pass where levels from `floor` on have been told.
  func mantissas(floor: Int) -> Double {
    var tally = MantissaTally()
    for sample in samples { add(sample, floor: floor, to: &tally) }
    var bits = tally.rest + tally.isZero.bits + tally.sign.bits
    for kind in tally.same.indices { bits += tally.same[kind].bits }
    var left = tally.isZero.total - tally.isZero.wrong
    for count in tally.levels {
      bits += PassSizes.adaptive(ones: count, of: left)
      left -= count
    }
    return bits
  }

  private struct MantissaTally {
    var same = [Count](repeating: Count(), count: 16)
    // Of elements below the floor.
    var isZero = Count()
    var sign = Count()
    var levels = [Double](repeating: 0, count: TensorSurvey.distanceLimit)
    // Raw bits.
    var rest = 0.0
  }

  private func add(_ sample: Sample, floor: Int, to tally: inout MantissaTally) {
    let (limit, share) = (code.power(atLevel: floor), sample.share)
    var step = MantissaStep(format, planeFloor: floor)
    step.zeroBits = min(all.trailingZeroBitCount, code.mantissaBits)
    for index in sample.new.indices {
      if index % sample.columnCount == 0 { step.beginRow() }
      let bits = sample.new[index]
      let held = code.held(bits, from: sample.old[index], floor: floor)
      guard let kind = step.sameKind(held & code.magnitudeMask, code) else { continue }
      tally.same[kind].total += share
      step.note(isSame: bits == held)
      guard bits != held else { continue }
      tally.same[kind].wrong += share
      let magnitude = bits & code.magnitudeMask
      let isNew = magnitude < limit
      if isNew {
        tally.isZero.total += share
        tally.isZero.wrong += magnitude == 0 ? share : 0
      }
      guard magnitude > 0 else { continue }
      let level = code.level(of: magnitude)
      if isNew {
        tally.levels[min(floor - 1 - level, tally.levels.count - 1)] += share
        tally.sign.total += share
        tally.sign.wrong += (bits ^ held) & code.signMask == 0 ? 0 : share
      }
      tally.rest += share * Double(step.missingBits(atLevel: level, isNew: isNew).count)
    }
  }
}
