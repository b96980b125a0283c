import Board

/// A file of golden vectors in the program's memory, line by line; twin of the host's `VectorFile`.
@safe struct VectorText {
  /// One vector: the columns of a line.
  struct Line {
    /// The place in the file, from 1.
    let number: Int
    private let columns: [[UInt8]]

    init(_ columns: [[UInt8]], number: Int) {
      self.columns = columns
      self.number = number
    }

    /// Whether the first column is this word.
    func begins(with word: StaticString) -> Bool {
      guard columns[0].count == word.utf8CodeUnitCount else { return false }
      for index in columns[0].indices {
        guard unsafe columns[0][index] == word.utf8Start[index] else { return false }
      }
      return true
    }

    /// The last column, of bytes.
    var lastBytes: [UInt8] { bytes(columns.count - 1) }

    /// A column of bytes.
    func bytes(_ index: Int) -> [UInt8] {
      guard isPresent(index) else { return [] }
      let digits = columns[index]
      return (0..<digits.count / 2).map { place in
        Self.value(digits[2 * place]) << 4 | Self.value(digits[2 * place + 1])
      }
    }

    /// A column of one number; nil where there is none.
    func number(_ index: Int) -> UInt64? {
      isPresent(index) ? columns[index].reduce(0) { $0 << 4 | UInt64(Self.value($1)) } : nil
    }

    /// A column of one number; 0 where there is none, or one too large.
    func number<Number: FixedWidthInteger>(_ index: Int, _: Number.Type) -> Number {
      number(index).flatMap { Number(exactly: $0) } ?? 0
    }

    /// A column of any count of numbers.
    func numbers(_ index: Int) -> [UInt64] {
      guard isPresent(index) else { return [] }
      var numbers: [UInt64] = [0]
      for character in columns[index] {
        if character == UInt8(ascii: ",") {
          numbers.append(0)
        } else {
          let last = numbers.count - 1
          numbers[last] = numbers[last] << 4 | UInt64(Self.value(character))
        }
      }
      return numbers
    }

    private func isPresent(_ index: Int) -> Bool { columns[index] != [UInt8(ascii: "-")] }

    private static func value(_ digit: UInt8) -> UInt8 {
      digit >= UInt8(ascii: "a") ? digit - UInt8(ascii: "a") + 10 : digit - UInt8(ascii: "0")
    }
  }

  private let text: UnsafeBufferPointer<UInt8>
  private var position = 0
  private var lineNumber = 0

  init(_ bytes: board_bytes) {
    unsafe text = UnsafeBufferPointer(start: bytes.start, count: Int(bytes.count))
  }

  /// The next vector; comments are passed over.
  mutating func next() -> Line? {
    while unsafe position < text.count {
      let columns = nextLine()
      lineNumber += 1
      if let first = columns.first?.first, first != UInt8(ascii: "#") {
        return Line(columns, number: lineNumber)
      }
    }
    return nil
  }

  private mutating func nextLine() -> [[UInt8]] {
    var columns: [[UInt8]] = [[]]
    while unsafe position < text.count {
      let character = unsafe text[position]
      position += 1
      if character == UInt8(ascii: "\n") { break }
      if character == UInt8(ascii: " ") {
        columns.append([])
      } else {
        columns[columns.count - 1].append(character)
      }
    }
    return columns
  }
}
