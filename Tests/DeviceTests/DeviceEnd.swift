import Device
import Framing
import LinkLayer

/// A device's link as a machine of the simulation: takes what comes, and has a stream of its own to say.
struct DeviceEnd: ~Copyable, LineMachine {
  private var link: DeviceLink
  private let outgoing: [UInt8]
  private var saidCount = 0
  private(set) var delivered: [UInt8] = []
  private(set) var openings = 0
  private(set) var closeCode: UInt8?
  private let rate: UInt32
  private var now: UInt32 = 0

  init(mtu: Int, outboxByteCount: Int = 100, nonce: UInt32, says outgoing: [UInt8], rate: UInt32) {
    link = DeviceLink(
      frame: ByteStorage(byteCount: mtu), outbox: ByteStorage(byteCount: outboxByteCount),
      nonce: nonce)
    self.outgoing = outgoing
    self.rate = rate
  }

  var baudRate: UInt32 { rate }
  var transmitByteCountLimit: Int { DeviceLink.transmitByteCountLimit }
  var deadline: Instant? { link.deadline.map { Instant(microseconds: Int64($0) * 1000) } }

  mutating func receive(_ bytes: Span<UInt8>, at now: Instant) {
    self.now = UInt32(now.microseconds / 1000)
    var position = 0
    while let event = link.receive(bytes, from: &position, at: self.now) {
      switch event {
      case .opened(let goesOn):
        openings += 1
        if !goesOn { (delivered, saidCount) = ([], 0) }
      case .data:
        for index in 0..<link.dataByteCount { delivered.append(link.dataByte(at: index)) }
      case .closed(let code): closeCode = code
      }
    }
    speak()
  }

  mutating func expireTimers(at now: Instant) {
    self.now = UInt32(now.microseconds / 1000)
    speak()
  }

  mutating func transmit(into output: inout OutputSpan<UInt8>, at now: Instant) -> Bool {
    link.transmit(into: &output, at: self.now)
  }

  private mutating func speak() {
    guard openings > 0 else { return }
    while saidCount < outgoing.count, link.hasRoom(byteCount: 1) {
      link.say(outgoing[saidCount])
      saidCount += 1
    }
  }
}
