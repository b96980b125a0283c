import Board

/// Goes through the golden vectors, tells each that disagrees, and how many agree.
@main
struct Main {
  private var agreeing = 0
  private var disagreeing = 0

  static func main() {
    var main = Main()
    main.check(unsafe VectorText(board_vectors_crc32()), "crc32") { agrees(crc32: $0) }
    main.check(unsafe VectorText(board_vectors_cobs()), "cobs") { agrees(cobs: $0) }
    main.check(unsafe VectorText(board_vectors_frame()), "frame") { agrees(frame: $0) }
    main.check(unsafe VectorText(board_vectors_parity()), "parity") { agrees(parity: $0) }
    main.check(unsafe VectorText(board_vectors_record()), "record") { agrees(record: $0) }
    var manifests = ManifestVectors()
    main.check(unsafe VectorText(board_vectors_manifest()), "manifest") { manifests.agrees($0) }
    // Portions are smaller than the decoder's queue, and little is done in one call, as on a line.
    var streams = CodedVectors(.init(portionByteCount: 50, workLimit: 100))
    main.check(unsafe VectorText(board_vectors_coded()), "coded") { streams.agrees($0) }

    write(main.agreeing)
    write(" passed, ")
    write(main.disagreeing)
    write(" failed: golden vectors on a microcontroller\n")
    board_exit(main.disagreeing == 0 && main.agreeing > 0 ? 0 : 1)
  }

  private mutating func check(
    _ vectors: VectorText, _ name: StaticString, _ agrees: (VectorText.Line) -> Bool?
  ) {
    var text = vectors
    while let line = text.next() {
      switch agrees(line) {
      case true?: agreeing += 1
      case nil: break
      case false?:
        disagreeing += 1
        write(name)
        write(".txt:")
        write(line.number)
        write(" disagrees\n")
      }
    }
  }
}
