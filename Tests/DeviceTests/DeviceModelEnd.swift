import Checkpoints
import Device
import Framing
import LinkLayer
import Runtime

/// Memory of a test, which ends with it.
@safe
final class TestMemory<Element: BitwiseCopyable> {
  private let base: UnsafeMutableBufferPointer<Element>
  /// As long as this lives.
  @unsafe var buffer: UnsafeMutableBufferPointer<Element> { unsafe base }

  init(_ element: Element, count: Int) {
    unsafe base = .allocate(capacity: max(count, 1))
    unsafe base.initialize(repeating: element)
  }

  deinit { unsafe base.deallocate() }

  var lent: LentMemory<Element> { unsafe LentMemory(base) }
  var array: [Element] { unsafe Array(base) }
}

/// A device that receives a model, as a machine of the simulation with a processor that takes no time.
struct DeviceModelEnd<Store: WeightStore & ~Copyable>: ~Copyable, LineMachine {
  var receiver: DeviceReceiver<CheckpointTable, Store>
  private(set) var events: [DeviceReceiver<CheckpointTable, Store>.Event] = []
  private var now: UInt32 = 0
  let baudRate: UInt32
  /// Says that the model is there as soon as it is.
  var confirms = true
  /// Gives it up instead.
  var rejects = false
  /// Takes what digests it can whenever it has nothing else to do.
  var digestsAhead = true

  init(
    _ table: CheckpointTable, _ store: consuming Store, mtu: Int, nonce: UInt32 = 7,
    baudRate: UInt32
  ) {
    receiver = DeviceReceiver(
      table, store, frame: ByteStorage(byteCount: mtu), outbox: ByteStorage(byteCount: 256),
      name: "test", nonce: nonce)
    self.baudRate = baudRate
  }

  var transmitByteCountLimit: Int { DeviceLink.transmitByteCountLimit }
  var deadline: Instant? { receiver.deadline.map { Instant(microseconds: Int64($0) * 1000) } }

  mutating func receive(_ bytes: Span<UInt8>, at now: Instant) {
    self.now = UInt32(now.microseconds / 1000)
    var position = 0
    while position < bytes.count || receiver.isPending {
      receiver.receive(bytes, from: &position, at: self.now)
      if let event = receiver.proceed() { note(event) }
    }
    while digestsAhead, receiver.digestAhead() {}
  }

  private mutating func note(_ event: DeviceReceiver<CheckpointTable, Store>.Event) {
    events.append(event)
    guard event == .completed || event == .switched else { return }
    if rejects {
      _ = receiver.reject()
    } else if confirms {
      receiver.confirm()
    }
  }

  mutating func expireTimers(at now: Instant) {
    self.now = UInt32(now.microseconds / 1000)
  }

  mutating func transmit(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    receiver.transmit(into: &output, at: self.now)
  }
}
