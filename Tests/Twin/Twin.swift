import Device
import Framing
import Glibc

/// The device of `Device` behind a pipe, for the test that compares it with the C receiver.
///
/// Reads lines and answers them, each answer ended by a line of its own, `.`:
///
///     new MTU NONCE COUNT SIZE TABLE
///                       a device begins: for so many tensors, in an image of this size, with these
///                       TENSOR records
///     at TIME BYTES     these come at this time: prints the frames that it sends
///     memory            prints the image, then the state of each tensor
///     end               the device ends, another one may begin
///
/// Bytes are hexadecimal, a lone `-` is none.
@main
enum Twin {
  static func main() {
    while let line = readLine() {
      let words = line.split(separator: " ")
      guard words.count == 6, words[0] == "new", let nonce = UInt32(words[2]) else {
        print("twin: \(line)")
        exit(64)
      }
      let numbers = words.compactMap { Int($0) }
      end()
      var device = TwinDevice(
        BytesTable(bytes: unhex(words[5])), mtu: numbers[0], nonce: nonce,
        tensorCount: numbers[2], imageByteCount: numbers[3])
      device.run()
    }
  }

  /// Ends an answer; nobody has to wait for it.
  static func end() {
    print(".")
    fflush(nil)
  }

  static func unhex(_ text: Substring) -> [UInt8] {
    if text == "-" { return [] }
    let digits = text.utf8.map { $0 < 0x40 ? $0 - 0x30 : $0 - 0x61 + 10 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  static func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
  }
}

/// A table that is told at the beginning.
private struct BytesTable: ModelTable {
  let bytes: [UInt8]

  var byteCount: Int { bytes.count }
  func byte(at offset: Int) -> UInt8 { bytes[offset] }
}

private struct TwinDevice: ~Copyable {
  private var receiver: DeviceReceiver<BytesTable, MemoryStore>
  private let image: LentMemory<UInt8>
  private let states: LentMemory<TensorState>

  init(_ table: BytesTable, mtu: Int, nonce: UInt32, tensorCount: Int, imageByteCount: Int) {
    image = Self.lend(0xA5, imageByteCount)
    states = Self.lend(TensorState(), tensorCount)
    receiver = DeviceReceiver(
      table, MemoryStore(image: image, states: states), frame: ByteStorage(byteCount: mtu),
      outbox: ByteStorage(byteCount: 4096), name: "board", nonce: nonce)
  }

  // As long as the process.
  private static func lend<Element>(_ element: Element, _ count: Int) -> LentMemory<Element> {
    let memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(count, 1))
    unsafe memory.initialize(repeating: element)
    return unsafe LentMemory(memory)
  }

  /// Up to its end.
  mutating func run() {
    while let line = readLine() {
      let words = line.split(separator: " ")
      switch words.first {
      case "at": receive(Twin.unhex(words[2]), at: UInt32(words[1]) ?? 0)
      case "memory": printMemory()
      case "end":
        Twin.end()
        return
      default: fatalError("twin: \(line)")
      }
      Twin.end()
    }
  }

  private mutating func receive(_ bytes: [UInt8], at now: UInt32) {
    var position = 0
    repeat {
      receiver.receive(bytes.span, from: &position, at: now)
      if let event = receiver.proceed() { take(event) }
      transmit(at: now)
    } while position < bytes.count || receiver.isPending
  }

  private mutating func take(_ event: DeviceReceiver<BytesTable, MemoryStore>.Event) {
    switch event {
    case .milestone(let tier, _):
      _ = receiver.report("accuracy", 987, digits: 1, unit: "%", tier: tier)
    case .completed: receiver.confirm()
    case .opened, .began, .working, .unchanged, .stored, .switched, .failed, .closed: break
    }
  }

  private mutating func transmit(at now: UInt32) {
    var isDone = false
    while !isDone {
      let room = DeviceReceiver<BytesTable, MemoryStore>.transmitByteCountLimit
      let frame = [UInt8](capacity: room) { output in
        isDone = !receiver.transmit(into: &output, at: now)
      }
      if !isDone { print(Twin.hex(frame)) }
    }
  }

  private func printMemory() {
    print(Twin.hex((0..<image.count).map { image[$0] }))
    for index in 0..<states.count {
      let state = states[index]
      print("\(state.topLevel) \(state.passCount) \(state.hasCome ? 1 : 0)")
    }
  }
}
