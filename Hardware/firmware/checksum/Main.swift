import Board
import Framing

/// Answers each line with its CRC-32, eight hexadecimal digits: the least that shows how a program in
/// Swift has the board and the portable layers.
@main
struct Main {
  private var crc = CRC32()

  static func main() {
    board_start()
    var main = Main()
    while true {
      let byte = board_receive()
      if byte < 0 { board_wait() } else { main.take(UInt8(truncatingIfNeeded: byte)) }
    }
  }

  private mutating func take(_ byte: UInt8) {
    guard byte == UInt8(ascii: "\n") else { return crc.update(byte) }
    for place in 0..<8 { send(digit: crc.value >> UInt32(28 - 4 * place) & 15) }
    board_send(byte)
    crc = CRC32()
  }

  private func send(digit: UInt32) {
    let base = digit < 10 ? UInt8(ascii: "0") : UInt8(ascii: "a") - 10
    board_send(base + UInt8(digit))
  }
}
