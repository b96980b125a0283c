internal import Device
internal import Digits
internal import LinkLayer
internal import Transfer

/// A device as the loop of the host sees it: what it does not take yet waits here, as in the buffer of
/// its UART.
struct DeviceMachine<Table: ModelTable, Store: WeightStore & ~Copyable>: ~Copyable, TransferMachine
{
  typealias Device = DigitsDevice<Table, Store, BuiltInSamples>

  // Slices of a trial are done for so long before the line is looked at again.
  private static var patience: Interval { .milliseconds(2) }

  private(set) var device: Device
  private var waiting: [UInt8] = []
  private var now = MonotonicClock.now
  // Whether something may have become due since the last frame: an answer leaves before any work.
  private var isToTransmit = true
  /// When something came last, or was worked on.
  private(set) var heardAt = MonotonicClock.now
  var isFinished = false
  let baudRate: UInt32

  init(_ device: consuming Device, baudRate: UInt32) {
    self.device = device
    self.baudRate = baudRate
  }

  // A device tells nothing of its link.
  var statistics: LinkStatistics { LinkStatistics() }
  var failedBaudRate: UInt32 { .max }

  /// Does a piece of work, if none of what is to be sent waits.
  mutating func work() -> Device.Event? {
    let start = MonotonicClock.now
    guard !isToTransmit, !device.isIdle else { return nil }
    isToTransmit = true
    // Whoever is to wait is not silent.
    heardAt = start
    var event: Device.Event?
    repeat {
      now = MonotonicClock.now
      event = device.work(at: Self.milliseconds(now))
    } while event == nil && device.isTrying && now - start < Self.patience
    take()
    return event
  }

  mutating func receive(_ bytes: Span<UInt8>, at now: Instant) {
    guard !bytes.isEmpty else { return }
    (self.now, heardAt) = (now, now)
    for index in bytes.indices { waiting.append(bytes[index]) }
    take()
  }

  private mutating func take() {
    // A span of a property would be an access to all of them.
    let bytes = waiting
    var position = 0
    device.receive(bytes.span, from: &position, at: Self.milliseconds(now))
    waiting.removeFirst(position)
    isToTransmit = true
  }

  mutating func transmit(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    self.now = now
    isToTransmit = device.transmit(into: &output, at: Self.milliseconds(now))
    return isToTransmit
  }

  var transmitByteCountLimit: Int { Device.transmitByteCountLimit }

  mutating func expireTimers(at now: Instant) { self.now = now }

  var deadline: Instant? {
    // The port is full, and will say when it is not.
    if isToTransmit { return nil }
    guard device.isIdle else { return now }
    // What was due and not sent waits for a sender that has fallen silent.
    guard let deadline = device.deadline else { return nil }
    let wait = Int32(bitPattern: deadline &- Self.milliseconds(now))
    return wait > 0 ? now + .milliseconds(Int64(wait)) : nil
  }

  mutating func abort() { isFinished = true }

  private static func milliseconds(_ time: Instant) -> UInt32 {
    UInt32(truncatingIfNeeded: time.microseconds / 1000)
  }
}
