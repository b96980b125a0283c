#if MINIMAL_COST
import Board
import Device

/// What a session has cost, in thousands of instructions: the line and the records, then the digests.
struct Cost {
  private var start: UInt32 = 0
  private var byteCount: UInt32 = 0
  private var receiving: UInt32 = 0
  private var digesting: UInt32 = 0
  // Behind the last milestone come the digests.
  private var isWhole = false
  // The first of them, all planes there are to be (Protocol.md §5.8).
  private static var wholeTier: UInt8 { 64 }

  mutating func begin() { start = board_kilocycles() }

  mutating func endReceiving(_ count: Int) {
    receiving &+= board_kilocycles() &- start
    byteCount &+= UInt32(truncatingIfNeeded: count)
  }

  mutating func endWork(_ event: Main.Receiver.Event?) {
    let kilocycles = board_kilocycles() &- start
    if isWhole { digesting &+= kilocycles } else { receiving &+= kilocycles }
    switch event {
    case .began: self = Cost()
    case .milestone(let tier, _): isWhole = tier >= Self.wholeTier
    case .closed: tell()
    default: break
    }
  }

  private func tell() {
    let numbers: InlineArray = [
      byteCount, receiving, digesting, board_lost(), board_stack_used(),
    ]
    send("\ncost")
    for index in numbers.indices {
      board_send(UInt8(ascii: " "))
      send(numbers[index])
    }
    board_send(UInt8(ascii: "\n"))
  }

  private func send(_ text: StaticString) {
    for index in 0..<text.utf8CodeUnitCount { unsafe board_send(text.utf8Start[index]) }
  }

  private func send(_ number: UInt32) {
    if number >= 10 { send(number / 10) }
    board_send(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: number % 10))
  }
}
#endif
