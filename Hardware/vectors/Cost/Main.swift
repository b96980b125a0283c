import Board

/// Decodes the streams of a model, and tells of each codeword how many ticks of the board's timer that
/// took.
@main
struct Main {
  // What a frame brings; nothing else waits for the processor.
  private static let pace = CodedVectors.Pace(portionByteCount: 256, workLimit: 1 << 30)

  static func main() {
    var streams = CodedVectors(pace)
    var text = unsafe VectorText(board_vectors_coded())
    while let line = text.next() {
      guard streams.agrees(line) ?? true else {
        write("line ")
        write(line.number)
        write(" of the streams disagrees\n")
        board_exit(1)
      }
      guard line.begins(with: "codeword") else { continue }
      write(streams.tickCount)
      write("\n")
    }
    board_exit(0)
  }
}
