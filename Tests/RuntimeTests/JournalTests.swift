import Foundation
import LineModel
import Streaming
import SystemPackage
import Tensors
import Testing

@testable import Runtime

/// What a receiver keeps of a transfer, after power cuts at any moment of its writing.
struct JournalTests {
  private static let identity = StreamIdentity(Array("identity".utf8))

  private static var manifest: Manifest {
    var manifest = Manifest(kind: .tensors, name: Array("model".utf8), entries: [])
    manifest.terms.identity = identity
    return manifest
  }

  private static func withFolder<R>(_ body: (FilePath) throws -> R) throws -> R {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("wtserial-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(FilePath(folder.path))
  }

  /// Writes a journal in pieces; returns what is in it.
  private static func write(_ path: FilePath, pieces: [[UInt8]]) throws -> [UInt8] {
    var journal = try Journal(creating: path, manifest, identity)
    for piece in pieces { try journal.append(piece) }
    return [UInt8](try Data(contentsOf: URL(fileURLWithPath: path.string)))
  }

  /// The stream that a journal has; nil where there is none.
  private static func stream(_ path: FilePath) -> [UInt8]? {
    guard var journal = Journal.open(path) else { return nil }
    var stream: [UInt8] = []
    while case let piece = journal.nextPiece(), !piece.isEmpty { stream += piece }
    guard stream.count == journal.byteCount, journal.identity == identity else { return nil }
    return stream
  }

  private static var pieces: [[UInt8]] {
    var generator = SeededGenerator(seed: 11)
    return [1, 40, 300, 16, 5].map { count in
      (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next()) }
    }
  }

  @Test func whatWasWrittenIsReadAgain() throws {
    try Self.withFolder { folder in
      let path = folder.appending("journal")
      _ = try Self.write(path, pieces: Self.pieces)
      #expect(Self.stream(path) == Self.pieces.flatMap(\.self))
      // And it goes on behind that.
      guard var journal = Journal.open(path) else {
        Issue.record("it is there")
        return
      }
      try journal.append([1, 2, 3])
      #expect(journal.unfinished.byteCount == Self.pieces.flatMap(\.self).count + 3)
      _ = consume journal
      #expect(Self.stream(path) == Self.pieces.flatMap(\.self) + [1, 2, 3])
    }
  }

  /// Cut off anywhere, with or without zeros where nothing was written: whole pieces are left, from the first on.
  @Test(arguments: [false, true])
  func anyCutLeavesABeginning(hasZeros: Bool) throws {
    try Self.withFolder { folder in
      let path = folder.appending("journal")
      let whole = try Self.write(path, pieces: Self.pieces)
      var prefixes: [[UInt8]] = [[]]
      for piece in Self.pieces { prefixes.append((prefixes.last ?? []) + piece) }
      var lengths: Set<Int> = []
      for cut in 0..<whole.count {
        let zeros = hasZeros ? [UInt8](repeating: 0, count: whole.count - cut) : []
        try Data(whole[..<cut] + zeros).write(to: URL(fileURLWithPath: path.string))
        guard let found = Self.stream(path) else { continue }
        #expect(prefixes.contains(found), "cut at \(cut)")
        lengths.insert(found.count)
      }
      #expect(lengths.count == Self.pieces.count, "every piece but the last is kept by some cut")
    }
  }

  /// A byte that is not what was written ends the journal before it.
  @Test func changedBytesAreNotRead() throws {
    try Self.withFolder { folder in
      let path = folder.appending("journal")
      let whole = try Self.write(path, pieces: Self.pieces)
      let all = Self.pieces.flatMap(\.self)
      for place in whole.indices {
        var changed = whole
        changed[place] ^= 1
        try Data(changed).write(to: URL(fileURLWithPath: path.string))
        guard let found = Self.stream(path) else { continue }
        #expect(found.count < all.count && all.starts(with: found), "byte \(place)")
      }
    }
  }
}
