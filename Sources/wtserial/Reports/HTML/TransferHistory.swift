import LinkLayer
import Runtime
import Streaming

/// What happened in a transfer and when, for a report at its end; of a bounded size, however long the
/// transfer takes.
struct TransferHistory {
  /// Counters so long after the start; they only ever grow.
  struct Sample {
    /// Seconds since the command began.
    var time: Double
    var byteCount = 0.0
    var retransmissions = 0.0
    var damaged = 0.0
    var corrected = 0.0
    /// Bytes of the stream in the next frame, and the timeout in milliseconds, at that moment.
    var segmentByteCount: Double?
    var timeout: Double?
  }

  /// Something that is to be told by name.
  struct Mention {
    /// Seconds since the command began.
    var time: Double
    /// Bytes of the stream that were through.
    var byteCount: Int
    var name: String
    /// What is expected of the model then, or what the receiver has measured.
    var words: String
    var isMilestone: Bool
    /// Of what the receiver has measured.
    var measurement: Measurement?
  }

  /// A figure of the receiver's own.
  struct Measurement {
    var value: Double
    var unit: String
    /// The milestone that it was measured with.
    var milestone: String?
  }

  // More than a chart has columns for.
  private static let sampleLimit = 2048

  private(set) var samples: [Sample] = []
  private(set) var mentions: [Mention] = []
  private(set) var manifest: Manifest?
  private(set) var receiver: String?
  /// How far the transfer is, as last heard.
  private(set) var progress: TransferProgress?
  // One sample in so many is kept.
  private var stride = 1
  private var skipped = 0

  /// Takes in what has happened `time` seconds after the start.
  mutating func note(_ news: TransferNews, at time: Double) {
    switch news {
    case .connected(_, let info): receiver = info.map { printableText($0.name) }
    case .began(let manifest):
      self.manifest = manifest
      // A receiver that was reset begins anew.
      progress = nil
      begun = mentions.count
      if samples.isEmpty { samples.append(Sample(time: time)) }
    case .reached(let milestone, _, _): note(milestone, at: time)
    case .measured(let metric): note(metric, at: time)
    case .rateChanged(let baudRate): mention("rate", "\(baudRate) baud from here on", at: time)
    case .interrupted: mention("silence", "the receiver has fallen silent", at: time)
    case .resumed: mention("back", "the receiver is back", at: time)
    case .progress(let progress): note(progress, at: time)
    case .goesOn(let byteCount):
      mention("resumed", "goes on behind \(byteText(byteCount)) of an earlier transfer", at: time)
    case .improved, .notStored, .substituted, .notQuantized, .startsOver, .kept, .notKept,
      .gave, .notGiven, .giverFound, .baseIsAnother:
      break
    }
  }

  /// Takes in how far the transfer is; the last one is always kept.
  mutating func note(_ progress: TransferProgress, at time: Double, isLast: Bool = false) {
    let bytes = max(progress.byteCount - (self.progress?.byteCount ?? 0), 0)
    self.progress = progress
    // What came before has come with these bytes, for it is told first.
    for index in placedCount..<mentions.count { mentions[index].byteCount = progress.byteCount }
    placedCount = mentions.count
    pendingByteCount += Double(bytes)
    skipped += 1
    guard skipped >= stride || isLast else { return }
    skipped = 0
    var sample = Sample(time: max(time, samples.last?.time ?? 0))
    sample.byteCount = pendingByteCount
    sample.retransmissions = Double(progress.statistics.retransmissions)
    sample.damaged = Double(progress.statistics.framesCorrupt)
    sample.corrected = Double(progress.statistics.framesCorrected)
    sample.segmentByteCount = progress.segmentByteCount.map(Double.init)
    sample.timeout = progress.retransmissionTimeout.map { Double($0.microseconds) / 1000 }
    samples.append(sample)
    if samples.count >= Self.sampleLimit { thinOut() }
  }

  // Mentions before the model was begun for the last time.
  private var begun = 0
  // Mentions of which the place in the stream is known.
  private var placedCount = 0
  // Of all that came, whatever receiver it came to.
  private var pendingByteCount = 0.0

  /// Leaves every second sample out, and from now on, too: the counters lose nothing by it.
  private mutating func thinOut() {
    samples = samples.indices.filter { $0 % 2 == 0 || $0 == samples.count - 1 }.map { samples[$0] }
    stride *= 2
  }

  private mutating func note(_ milestone: Milestone, at time: Double) {
    let words = milestone.signalToNoise.map { "signal to noise \($0) dB" }
    mention("\(milestone.name)", words ?? "", at: time, isMilestone: true)
  }

  private mutating func note(_ metric: Metric, at time: Double) {
    let tier = metric.tier.map { " with \(Milestone($0).name)" } ?? ""
    let value = "\(decimalText(metric)) \(printableText(metric.unit))\(tier)"
    let measurement = Double(decimalText(metric)).map {
      Measurement(
        value: $0, unit: printableText(metric.unit),
        milestone: metric.tier.map { "\(Milestone($0).name)" })
    }
    mention(printableText(metric.name), value, at: time, measurement: measurement)
  }

  private mutating func mention(
    _ name: String, _ words: String, at time: Double, isMilestone: Bool = false,
    measurement: Measurement? = nil
  ) {
    // A peer may say as much as it likes.
    guard mentions.count < 1000 else { return }
    mentions.append(
      Mention(
        time: time, byteCount: progress?.byteCount ?? 0, name: name, words: words,
        isMilestone: isMilestone, measurement: measurement))
  }

  // MARK: - Curves

  /// How fast a counter grew, a second, in equal parts of the time: of a second at least where it is
  /// long enough, since answers come in bundles, and a shorter part would have more than its share.
  func rates(of counter: KeyPath<Sample, Double>) -> [(place: Double, value: Double)] {
    guard let first = samples.first, let last = samples.last, last.time > first.time else {
      return []
    }
    let count = min(max(Int(last.time - first.time), 12), 96, samples.count - 1)
    let width = (last.time - first.time) / Double(count)
    var index = 0
    var before = samples[0][keyPath: counter]
    return (1...count).map { column in
      let time = first.time + Double(column) * width
      while index + 2 < samples.count, samples[index + 1].time < time { index += 1 }
      let (left, right) = (samples[index], samples[index + 1])
      let share = right.time > left.time ? (time - left.time) / (right.time - left.time) : 1
      let growth = right[keyPath: counter] - left[keyPath: counter]
      let value = left[keyPath: counter] + growth * min(max(share, 0), 1)
      defer { before = value }
      return (time - width, (value - before) / width)
    }
  }

  /// What something was over time, where it is known.
  func values(of gauge: KeyPath<Sample, Double?>) -> [(place: Double, value: Double)] {
    samples.compactMap { sample in sample[keyPath: gauge].map { (sample.time, $0) } }
  }

  // MARK: - Measurements

  /// What the receiver has measured more than once, by name, in the order in which it was told first.
  var measuredNames: [String] {
    var counts: [(name: String, count: Int)] = []
    for mention in mentions where mention.measurement != nil {
      if let index = counts.firstIndex(where: { $0.name == mention.name }) {
        counts[index].count += 1
      } else {
        counts.append((mention.name, 1))
      }
    }
    return counts.filter { $0.count > 1 }.map(\.name)
  }

  /// All measurements of a name, and when they were told.
  func measurements(of name: String) -> [(mention: Mention, measurement: Measurement)] {
    mentions.compactMap { mention in
      guard mention.name == name, let measurement = mention.measurement else { return nil }
      return (mention, measurement)
    }
  }

  /// The same over the bytes that the receiver had for it.
  ///
  /// Those of the milestone, where it names one, for it tells of it later. Only of the last beginning,
  /// or bytes would come twice.
  func valuesByByteCount(of name: String) -> [(place: Double, value: Double)] {
    let mentions = mentions[begun...]
    return mentions.compactMap { mention in
      guard mention.name == name, let measurement = mention.measurement else { return nil }
      let milestone = mentions.first { $0.isMilestone && $0.name == measurement.milestone }
      return (Double(milestone?.byteCount ?? mention.byteCount), measurement.value)
    }
  }
}
