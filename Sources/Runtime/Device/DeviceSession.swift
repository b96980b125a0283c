package import Checkpoints
internal import Device
internal import Digits
internal import Framing
internal import LinkLayer
package import Streaming
package import SystemPackage

/// What a simulated device is.
package struct DeviceConfiguration {
  /// Of which models it takes the likes; nil for the sample model, which it tries on images.
  package var model: Checkpoint?
  /// The longest frame that it takes.
  package var mtu = 256
  /// Its flash; without it a model lasts as long as the process.
  package var flash: FilePath?
  /// Whether weights go to the flash as they come, and not to memory before.
  package var isInFlash = false
  /// Images that are tried after a milestone.
  package var sampleCount = 60
  /// Of a hundred images, how many a model has to recognize that is to stay.
  package var leastPercentage = 0
  /// Whether it ends when a model has come.
  package var endsWithModel = false

  package init() {}
}

/// What a device shows those who look on.
package enum DeviceNews {
  /// A model stays from before: the beginning of its name, and its digest.
  case found(name: [UInt8], Streaming.Digest?)
  /// The flash has a model that was written the other way: weights as they came, or a copy of the
  /// memory. A device that computes in flash cannot use the latter.
  case isKeptOtherwise(isUsable: Bool)
  /// All is ready for a sender.
  case waiting
  case connected
  case resumed
  /// The sender has not been heard for so long that it is given up.
  case silent
  /// The beginning of the name that the sender calls the model by.
  case began(name: [UInt8], tensorCount: Int)
  case reached(Milestone)
  /// How many of a hundred images were recognized; where the model is not the one from before, with
  /// what it had reached.
  case tried(Metric)
  case completed(name: [UInt8], Streaming.Digest?, tensorCount: Int)
  /// It goes on with a transfer, of which so much of the stream was there.
  case goesOn(byteCount: Int)
  /// The sender's model is the one in use already.
  case unchanged
  /// A model has come that is not to be used yet.
  case stored(name: [UInt8])
  /// Another one of the models that are held is in use now.
  case switched(name: [UInt8])
  /// A model does too badly on the images; whether the one from before is there again.
  case rejected(hasModel: Bool)
  /// A model was not taken; whether the one from before is there again, or still.
  case refused(ReceiverFailure.Code?, hasModel: Bool)
  /// The sender has given up a model that had begun.
  case stopped(hasModel: Bool)
}

/// A device without a board: what its firmware does, on a port of the host.
package final class DeviceSession {
  // As long as the link of a device waits.
  private static let silenceLimit = Interval.seconds(8)
  private static let outboxByteCount = 256

  private let configuration: DeviceConfiguration
  private let baudRate: UInt32
  private let tell: (DeviceNews) -> Void
  private var isOpen = false
  private var isSilent = false
  /// Whether a model has begun to come, and is not there yet.
  package var isReceiving: Bool { hasBegun && !hasCompleted }
  private var hasBegun = false
  private var hasCompleted = false
  // Told behind the trial of the whole model.
  private var completion: DeviceNews?
  /// The image of the model that is there when `run` has ended; nil where there is none.
  package private(set) var image: [UInt8]?
  private var flash: FlashFile?

  /// Opens the flash.
  package init(
    _ configuration: DeviceConfiguration, baudRate: UInt32, tell: @escaping (DeviceNews) -> Void
  ) throws(FlashFileError) {
    self.configuration = configuration
    self.baudRate = baudRate
    self.tell = tell
    guard let path = configuration.flash else { return }
    let byteCount =
      configuration.model.map { CheckpointTable($0).slotByteCount } ?? DigitsTable().slotByteCount
    flash = try FlashFile(path, slotByteCount: byteCount)
  }

  /// Runs until a model has come, if it is to end then, or else until a signal ends it.
  ///
  /// - Throws: what the loop throws.
  package func run(_ loop: inout TransferLoop) throws {
    if let model = configuration.model {
      try run(CheckpointTable(model), BuiltInSamples(count: 0), &loop)
    } else {
      try run(DigitsTable(), BuiltInSamples(count: BuiltInSamples.countLimit), &loop)
    }
  }

  /// How many images there are.
  package static var sampleCountLimit: Int { BuiltInSamples.countLimit }

  private func run<Table: ModelTable>(
    _ table: Table, _ samples: BuiltInSamples, _ loop: inout TransferLoop
  ) throws {
    let states = HostMemory(TensorState(), count: table.tensorCount)
    let image = HostMemory(0 as UInt8, count: table.imageByteCount)
    guard let flash = flash.take() else {
      let store = unsafe HeldMemoryStore(image: image.lent, states: states.lent)
      return try run(table, store, samples, &loop)
    }
    // What the other store finds, which takes any model, or only those that it has written.
    let duplicate = try flash.duplicate()
    if configuration.isInFlash {
      let other = unsafe BackedStore(duplicate, table, image: image.lent, states: states.lent)
      let store = unsafe FlashStore(flash, table, states: states.lent)
      tellFound(store.model)
      if store.model == nil, other.model != nil { tell(.isKeptOtherwise(isUsable: false)) }
      try run(table, store, samples, &loop)
    } else {
      let other = unsafe FlashStore(duplicate, table, states: states.lent)
      let store = unsafe BackedStore(flash, table, image: image.lent, states: states.lent)
      tellFound(store.model)
      if other.model != nil { tell(.isKeptOtherwise(isUsable: true)) }
      try run(table, store, samples, &loop)
    }
  }

  private func tellFound(_ model: CommittedModel?) {
    guard let model else { return }
    tell(.found(name: model.nameBytes, model.streamDigest))
  }

  private func run<Table: ModelTable, Store: WeightStore & ~Copyable>(
    _ table: Table, _ store: consuming Store, _ samples: BuiltInSamples,
    _ loop: inout TransferLoop
  ) throws {
    // Words, for what lies in it is aligned.
    let memory = HostMemory(0 as UInt32, count: (DigitsMemory.byteCount + 3) / 4)
    let receiver = DeviceReceiver(
      table, store, frame: ByteStorage(byteCount: configuration.mtu),
      outbox: ByteStorage(byteCount: Self.outboxByteCount), name: "wtserial device",
      nonce: .random(in: 0 ... .max))
    let device = unsafe DigitsDevice(
      receiver, table, samples, DigitsMemory(memory.raw), initialCount: samples.count,
      milestoneCount: configuration.sampleCount, leastPercentage: configuration.leastPercentage)
    var machine = DeviceMachine(device, baudRate: baudRate)
    defer {
      if machine.device.hasModel {
        image = (0..<table.imageByteCount).map { machine.device.receiver.store[$0] }
      }
    }
    tell(.waiting)
    try loop.run(&machine) { machine in
      if let event = machine.work() { note(event, table, machine) }
      let isOver = hasCompleted && (!isOpen || isSilent)
      machine.isFinished = isOver && configuration.endsWithModel
      return false
    } observe: { machine in
      observe(heardAt: machine.heardAt)
    }
  }

  private func note<Table: ModelTable, Store: WeightStore & ~Copyable>(
    _ event: DigitsDevice<Table, Store, BuiltInSamples>.Event, _ table: Table,
    _ machine: borrowing DeviceMachine<Table, Store>
  ) {
    isSilent = false
    let model = machine.device.receiver.model
    let hasModel = machine.device.hasModel
    switch event {
    case .opened(let goesOn):
      tellCompletion()
      isOpen = true
      if !goesOn { hasBegun = false }
      tell(goesOn ? .resumed : .connected)
    case .began:
      (hasBegun, hasCompleted) = (true, false)
      tell(.began(name: model.nameBytes, tensorCount: table.tensorCount))
      let byteCount = machine.device.receiver.resumedByteCount
      if byteCount > 0 { tell(.goesOn(byteCount: byteCount)) }
    case .milestone(let tier, let quality):
      // What a later version says of the stream is nothing that this one could tell.
      if let milestone = try? Milestone(parsing: [tier, quality]) { tell(.reached(milestone)) }
    case .tried(let result, let tier):
      let reached = tier.flatMap { try? Milestone(parsing: [$0, .max]).tier }
      let metric = Metric(
        Array("accuracy".utf8), result.percentage, digits: 2,
        unit: Array("% of \(result.count) images".utf8), at: reached)
      tell(.tried(metric))
      tellCompletion()
    case .completed:
      hasCompleted = true
      let digest = model.streamDigest
      completion = .completed(name: model.nameBytes, digest, tensorCount: table.tensorCount)
      if !machine.device.isTrying { tellCompletion() }
    case .unchanged:
      hasCompleted = true
      tell(.unchanged)
    case .stored:
      hasCompleted = true
      tell(.stored(name: model.nameBytes))
    case .switched: tell(.switched(name: model.nameBytes))
    case .rejected:
      (hasBegun, hasCompleted, completion) = (false, false, nil)
      tell(.rejected(hasModel: hasModel))
    case .failed(let code):
      hasBegun = false
      tell(.refused(ReceiverFailure.Code(rawValue: code), hasModel: hasModel))
    case .closed:
      tellCompletion()
      isOpen = false
      if isReceiving { tell(.stopped(hasModel: hasModel)) }
      hasBegun = false
    }
  }

  private func tellCompletion() {
    if let completion = completion.take() { tell(completion) }
  }

  private func observe(heardAt: Instant) {
    let isHeard = MonotonicClock.now - heardAt <= Self.silenceLimit
    guard isOpen, !isSilent, !isHeard else { return }
    isSilent = true
    tell(.silent)
  }
}

extension CommittedModel {
  fileprivate var nameBytes: [UInt8] {
    (0..<name.count).map { name[$0] }.filter { $0 != 0 }
  }

  fileprivate var streamDigest: Streaming.Digest? {
    Streaming.Digest(
      (0..<32).map { place in
        UInt8(truncatingIfNeeded: digest.words[place / 4] >> UInt32(24 - 8 * (place % 4)))
      })
  }
}
