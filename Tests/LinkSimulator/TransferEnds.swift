internal import Framing
package import Streaming
internal import Tensors
package import Transfer
internal import WeightCodec

/// The caller of a sending machine: offers a sample model and feeds it.
package struct SendingEnd {
  private let model: SampleModel
  private var next = 0
  /// The events in order, but for those that only count.
  package private(set) var outcomes: [TransferOutcome] = []
  package private(set) var verified: Digest?
  /// Pieces that have been fed.
  package var fedCount: Int { next }

  /// What the receiver has measured, since it was last reset.
  package private(set) var metrics: [Metric] = []
  /// What its stream is known by; nil where nobody may go on with it.
  package var identity: StreamIdentity?
  /// Bytes of the stream that receivers had at each offer.
  package private(set) var resumptions: [Int] = []
  // While what the receiver has is gone through.
  private var unfinished: Unfinished?

  package init(_ model: SampleModel) { self.model = model }

  package mutating func respond(_ machine: inout SendTransfer) {
    while let event = machine.nextEvent() {
      switch event {
      case .connected:
        // A receiver that was reset takes all of it once more.
        next = 0
        metrics = []
        unfinished = nil
      case .measured(let metric): metrics.append(metric)
      case .accepted, .interrupted, .resumed, .held, .listed: break
      case .receiverReady(let info): offer(to: info, &machine)
      case .verified(let digest): verified = digest
      case .ended(let outcome): outcomes.append(outcome)
      }
    }
    feed(&machine)
    guard let there = unfinished, !machine.isSkipping else { return }
    unfinished = nil
    var manifest = model.manifest
    manifest.terms.identity = identity
    manifest.terms.goesOn = machine.skippedChecksum == there.checksum
    if !manifest.terms.goesOn {
      machine.beginAnew()
      next = 0
    }
    resumptions.append(manifest.terms.goesOn ? there.byteCount : 0)
    machine.offer(manifest)
    feed(&machine)
  }

  private mutating func offer(to info: ReceiverInfo, _ machine: inout SendTransfer) {
    guard let there = info.unfinished, there.identity == identity, there.byteCount > 0 else {
      var manifest = model.manifest
      manifest.terms.identity = identity
      return machine.offer(manifest)
    }
    unfinished = there
    machine.skip(byteCount: there.byteCount)
  }

  private mutating func feed(_ machine: inout SendTransfer) {
    while machine.wantsContent, next < model.pieces.count {
      switch model.pieces[next] {
      case .begin(let unit): machine.beginUnit(unit)
      case .content(let bytes): machine.append(content: bytes)
      case .end(let digest): machine.endUnit(digest)
      case .coded(let bytes): machine.append(coded: bytes)
      case .milestone(let milestone): machine.append(milestone)
      case .finish(let digest): machine.finish(digest)
      }
      next += 1
    }
  }
}

/// What a receiver keeps of a transfer for the next session.
package struct SampleJournal: Sendable {
  package var identity: StreamIdentity?
  package var bytes: [UInt8] = []

  package init() {}

  package var unfinished: Unfinished? {
    guard let identity else { return nil }
    var checksum = CRC32()
    checksum.update(bytes.span)
    return Unfinished(identity: identity, byteCount: bytes.count, checksum: checksum.value)
  }
}

/// The caller of a receiving machine: decodes what comes, and compares digests.
package struct ReceivingEnd {
  /// What it says to an offer, or once all is there.
  package var refusal: ReceiverFailure?
  /// Whether it measures something at each milestone.
  package var measures = false
  package private(set) var outcomes: [TransferOutcome] = []
  package private(set) var connectionCount = 0
  /// The last manifest taken.
  package private(set) var manifest: Manifest?
  /// The elements of each tensor that is complete, by its index.
  package private(set) var tensors: [Int: [UInt8]] = [:]
  /// Whether contents came in the portions that were announced.
  package private(set) var isSound = true
  /// The milestones that have come, and could be read to there.
  package private(set) var milestones: [Milestone] = []
  private var planes: SampleDecoding?
  private var unit: Streaming.Unit?
  private var content: [UInt8] = []
  private var digests: [Int: Digest] = [:]
  /// What has come, where the stream has an identity.
  package var journal = SampleJournal()
  // Of the journal, what has been replayed.
  private var replayed = 0

  package init() {}

  package mutating func respond(_ machine: inout ReceiveTransfer) {
    while true {
      answerAll(&machine)
      guard machine.wantsReplay else { break }
      let end = min(replayed + 100, journal.bytes.count)
      machine.replay(Array(journal.bytes[replayed..<end]))
      replayed = end
    }
    journal.bytes += machine.takeReceived()
    machine.info.unfinished = journal.unfinished
  }

  private mutating func answerAll(_ machine: inout ReceiveTransfer) {
    while let event = machine.nextEvent() {
      switch event {
      case .connected:
        connectionCount += 1
        manifest = nil
        unit = nil
        planes = nil
        milestones = []
        tensors = [:]
        digests = [:]
      case .interrupted, .resumed, .listed, .giverReady: break
      case .compared(let prefixes): machine.tell(held: prefixes.map { _ in false })
      case .unchanged, .activated, .rolledBack, .fetched:
        machine.fail(ReceiverFailure(.wrongModel, text: []))
      case .offered(let manifest): answer(manifest, &machine)
      case .unitBegan(let unit):
        self.unit = unit
        content = []
      case .content(let byteCount):
        machine.takeContent { bytes in
          if bytes.count != byteCount { isSound = false }
          for index in bytes.indices { content.append(bytes[index]) }
        }
      case .coded(let byteCount):
        content = []
        machine.takeContent { bytes in
          if bytes.count != byteCount { isSound = false }
          for index in bytes.indices { content.append(bytes[index]) }
        }
        decode(content, isLast: false, &machine)
      case .milestone(let milestone):
        guard decode([], isLast: true, &machine) else { break }
        milestones.append(milestone)
        if measures { machine.report(metric) }
      case .unitEnded(let digest): end(digest, &machine)
      case .finished(let digest): finish(digest, &machine)
      case .ended(let outcome): outcomes.append(outcome)
      }
    }
  }

  private var metric: Metric {
    Metric(Array("milestones".utf8), Int32(milestones.count), at: milestones.last?.tier)
  }

  @discardableResult
  private mutating func decode(
    _ bytes: [UInt8], isLast: Bool, _ machine: inout ReceiveTransfer
  ) -> Bool {
    guard planes?.decode(bytes, isLast: isLast) ?? bytes.isEmpty else {
      machine.fail(ReceiverFailure(.badStream, text: []))
      return false
    }
    return true
  }

  private mutating func finish(_ digest: Digest, _ machine: inout ReceiveTransfer) {
    guard decode([], isLast: true, &machine) else { return }
    for (index, elements) in planes?.tensors ?? [:] where digests[index] == nil {
      tensors[index] = elements
      digests[index] = SampleDigest(elements).value
    }
    guard let manifest, digest == SampleDigest.model(manifest, digests) else {
      return machine.fail(ReceiverFailure(.verificationFailed, text: []))
    }
    machine.confirm(digest)
  }

  private mutating func answer(_ manifest: Manifest, _ machine: inout ReceiveTransfer) {
    self.manifest = manifest
    planes = manifest.codec.flatMap { SampleDecoding(manifest, $0) }
    guard (planes == nil) == (manifest.codec == nil) else {
      return machine.fail(ReceiverFailure(.noSpace, text: []))
    }
    if let refusal { return machine.fail(refusal) }
    if !manifest.terms.goesOn || manifest.terms.identity != journal.identity {
      journal = SampleJournal()
      journal.identity = manifest.terms.identity
    }
    replayed = 0
    machine.accept(replaying: journal.bytes.count)
  }

  private mutating func end(_ digest: Digest, _ machine: inout ReceiveTransfer) {
    guard let unit, let manifest else { return }
    guard digest == SampleDigest(content).value else {
      machine.fail(ReceiverFailure(.verificationFailed, text: []))
      return
    }
    digests[unit.tensorIndex] = digest
    var decoder = ContentDecoder(manifest.entries[unit.tensorIndex].tensor, unit.representation)
    var elements: [UInt8] = []
    do throws(ContentError) {
      try decoder.decode(content.span, into: &elements)
      try decoder.finish()
      tensors[unit.tensorIndex] = elements
    } catch {
      machine.fail(ReceiverFailure(.badStream, text: []))
    }
  }
}
