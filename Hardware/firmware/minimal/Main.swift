import Board
import Device
import Framing
import Memory

/// The least that receives a model in Swift: a table, memory, and the loop.
///
/// `Scripts/device-cost` measures the receiver by it; with MINIMAL_COST it writes what a session has
/// cost when that is over.
@main
struct Main: ~Copyable {
  #if MODEL_LARGE
  typealias Table = LargeTable
  #else
  typealias Table = NetworkTable
  #endif
  #if MINIMAL_IN_FLASH
  typealias Store = FlashStore<BoardFlash>
  #elseif MINIMAL_BACKED
  typealias Store = BackedStore<BoardFlash>
  #else
  typealias Store = MemoryStore
  #endif
  typealias Receiver = DeviceReceiver<Table, Store>

  private var receiver = Self.makeReceiver()
  private var count = 0
  private var output = InlineArray<96, UInt8>(repeating: 0)
  #if MINIMAL_COST
  // Holds a frame, so that no interrupt comes while it is taken.
  private var chunk = InlineArray<272, UInt8>(repeating: 0)
  private var cost = Cost()
  #else
  private var chunk = InlineArray<64, UInt8>(repeating: 0)
  #endif

  static func main() {
    board_start()
    var main = Main()
    while true {
      main.receive()
      main.transmit()
      if main.receiver.isPending { main.work() } else { board_wait() }
    }
  }

  // MARK: - The UART

  /// Takes what has come, up to the end of a frame, before which there is nothing to work on.
  private mutating func receive() {
    while !receiver.isPending {
      let byte = board_receive()
      guard byte >= 0 else { return }
      chunk[count] = UInt8(truncatingIfNeeded: byte)
      count += 1
      guard byte == 0 || count == chunk.count else { continue }
      take()
      count = 0
    }
  }

  private mutating func take() {
    let now = board_milliseconds()
    #if MINIMAL_COST
    cost.begin()
    defer { cost.endReceiving(count) }
    #endif
    var position = 0
    receiver.receive(chunk.span.extracting(0..<count), from: &position, at: now)
  }

  private mutating func transmit() {
    let now = board_milliseconds()
    while true {
      var span = output.mutableSpan
      let count = unsafe span.withUnsafeMutableBufferPointer { buffer in
        var bytes = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
        guard receiver.transmit(into: &bytes, at: now) else { return 0 }
        return unsafe bytes.finalize(for: buffer)
      }
      guard count > 0 else { return }
      for index in 0..<count { board_send(output[index]) }
    }
  }

  // MARK: - Work

  private mutating func work() {
    #if MINIMAL_COST
    cost.begin()
    #endif
    let event = receiver.proceed()
    #if MINIMAL_COST
    cost.endWork(event)
    #endif
    if event == .completed { receiver.confirm() }
  }

  // MARK: - Memory

  private static func makeReceiver() -> Receiver {
    unsafe Receiver(
      Table(), makeStore(),
      frame: ByteStorage(lending: bytes(minimal_frame(), MINIMAL_FRAME_BYTES)),
      outbox: ByteStorage(lending: bytes(minimal_outbox(), MINIMAL_OUTBOX_BYTES)), name: "minimal",
      nonce: board_nonce())
  }

  private static func makeStore() -> Store {
    let count = Int(MINIMAL_TENSORS)
    let states = unsafe LentMemory(
      UnsafeMutableBufferPointer(
        start: minimal_states().bindMemory(to: TensorState.self, capacity: count), count: count))
    #if MINIMAL_IN_FLASH
    return Store(BoardFlash(for: Table()), Table(), states: states)
    #else
    let image = unsafe LentMemory(bytes(minimal_image(), MINIMAL_IMAGE_BYTES))
    #if MINIMAL_BACKED
    return Store(BoardFlash(for: Table()), Table(), image: image, states: states)
    #else
    return Store(image: image, states: states)
    #endif
    #endif
  }

  private static func bytes(
    _ start: UnsafeMutablePointer<UInt8>, _ count: some BinaryInteger
  ) -> UnsafeMutableBufferPointer<UInt8> {
    unsafe UnsafeMutableBufferPointer(start: start, count: Int(count))
  }
}
