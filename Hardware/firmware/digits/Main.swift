import Board
import CDigitsSamples
import Device
import Digits
import Framing
import Memory

/// The sample application: a classifier of eight bits that runs while its weights arrive.
@main
struct Main {
  #if DIGITS_IN_FLASH
  typealias Store = FlashStore<BoardFlash>
  #else
  typealias Store = BackedStore<BoardFlash>
  #endif
  typealias Application = DigitsDevice<DigitsTable, Store, BuiltInSamples>

  static func main() {
    board_start()
    var application = Application(
      makeReceiver(), DigitsTable(), BuiltInSamples(), makeScratch(), initialCount: 0,
      milestoneCount: Int(DIGITS_MILESTONE_TRIAL))
    var output = InlineArray<96, UInt8>(repeating: 0)
    while true {
      receive(&application)
      transmit(&application, &output)
      if !application.isIdle {
        _ = application.work(at: board_milliseconds())
      } else if !application.digestAhead() {
        board_wait()
      }
    }
  }

  // MARK: - The UART

  /// Takes what has come, up to what there is to work on.
  private static func receive(_ application: inout Application) {
    while !application.receiver.isPending {
      let byte = board_receive()
      guard byte >= 0 else { return }
      let bytes: InlineArray<1, UInt8> = [UInt8(truncatingIfNeeded: byte)]
      var position = 0
      application.receive(bytes.span, from: &position, at: board_milliseconds())
    }
  }

  private static func transmit(
    _ application: inout Application, _ output: inout InlineArray<96, UInt8>
  ) {
    let now = board_milliseconds()
    while true {
      var span = output.mutableSpan
      let count = unsafe span.withUnsafeMutableBufferPointer { buffer in
        var bytes = unsafe OutputSpan(buffer: buffer, initializedCount: 0)
        guard application.transmit(into: &bytes, at: now) else { return 0 }
        return unsafe bytes.finalize(for: buffer)
      }
      guard count > 0 else { return }
      for index in 0..<count { board_send(output[index]) }
    }
  }

  // MARK: - Memory

  private static func makeReceiver() -> DeviceReceiver<DigitsTable, Store> {
    let frame = unsafe UnsafeMutableBufferPointer(
      start: digits_frame(), count: Int(DIGITS_FRAME_BYTES))
    let outbox = unsafe UnsafeMutableBufferPointer(
      start: digits_outbox(), count: Int(DIGITS_OUTBOX_BYTES))
    return unsafe DeviceReceiver(
      DigitsTable(), makeStore(), frame: ByteStorage(lending: frame),
      outbox: ByteStorage(lending: outbox), name: "digits", nonce: board_nonce())
  }

  private static func makeStore() -> Store {
    let count = Int(DIGITS_TENSORS)
    let states = unsafe UnsafeMutableBufferPointer(
      start: digits_states().bindMemory(to: TensorState.self, capacity: count), count: count)
    #if DIGITS_IN_FLASH
    return unsafe Store(BoardFlash(for: DigitsTable()), DigitsTable(), states: LentMemory(states))
    #else
    let image = unsafe UnsafeMutableBufferPointer(
      start: digits_image(), count: Int(DIGITS_IMAGE_BYTES))
    return unsafe Store(
      BoardFlash(for: DigitsTable()), DigitsTable(), image: LentMemory(image),
      states: LentMemory(states))
    #endif
  }

  private static func makeScratch() -> DigitsMemory {
    let byteCount = DigitsMemory.byteCount
    let scratch = unsafe digits_scratch(UInt32(byteCount))
    return unsafe DigitsMemory(UnsafeMutableRawBufferPointer(start: scratch, count: byteCount))
  }
}

/// The images that are part of the program.
struct BuiltInSamples: DigitsSamples {
  var count: Int { Int(DIGITS_FINAL_TRIAL) }

  func pixel(_ place: Int, of image: Int) -> UInt8 {
    digits_pixel(UInt32(truncatingIfNeeded: image), UInt32(truncatingIfNeeded: place))
  }

  func label(of image: Int) -> Int { Int(digits_label(UInt32(truncatingIfNeeded: image))) }
}
