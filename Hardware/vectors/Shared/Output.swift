import Board

/// Writes text, which the emulator prints.
func write(_ text: StaticString) {
  for index in 0..<text.utf8CodeUnitCount { unsafe board_write(text.utf8Start[index]) }
}

/// Writes a number that is not negative.
func write(_ number: Int) {
  if number >= 10 { write(number / 10) }
  board_write(UInt8(ascii: "0") + UInt8(number % 10))
}
