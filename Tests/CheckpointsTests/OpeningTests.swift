import Foundation
import SystemPackage
import Testing

@testable import Checkpoints

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What happens before any byte is looked at, and while others write to the file.
struct OpeningTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func error(_ path: FilePath) throws -> CheckpointError? {
    try checkpointError { _ = try Checkpoint(opening: path) }
  }

  @Test func missingFileKeepsItsErrno() throws {
    #expect(
      try error(folder.path.appending("none.pt")) == .system(.stat, .noSuchFileOrDirectory))
  }

  @Test func emptyFileIsNoModel() throws {
    #expect(try error(folder.file("empty.pt", [])) == .emptyFile)
  }

  @Test func directoryIsNoModel() throws {
    #expect(try error(folder.path) == .notARegularFile(.directory))
  }

  /// A fifo without a writer would block whoever opens it, a terminal line would move its modem
  /// lines.
  @Test func fifoAndDeviceAreNotEvenOpened() throws {
    let fifo = folder.path.appending("fifo")
    #expect(unsafe mkfifo(fifo.string, 0o600) == 0)
    #expect(try error(fifo) == .notARegularFile(.fifo))
    #expect(try error("/dev/null") == .notARegularFile(.characterDevice))
  }

  @Test(.enabled(if: geteuid() != 0, "root may read everything"))
  func permissionKeepsItsErrno() throws {
    let path = try folder.file("secret.pt", [1])
    #expect(unsafe chmod(path.string, 0) == 0)
    #expect(try error(path) == .system(.open, .permissionDenied))
  }

  @Test(arguments: ["x.pt", "x.PTH", "x.safetensors"])
  func nameThatPromisesAModelIsHeldToIt(_ name: String) throws {
    let error = try checkpointError {
      _ = try Checkpoint(Array("hello, this is no model".utf8), named: name)
    }
    #expect(error != nil)
  }

  @Test func otherFilesAreBlobs() throws {
    let zip: [UInt8] = Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 40)
    for bytes in [[0], Array("hello".utf8), zip] {
      let checkpoint = try Checkpoint(bytes, named: "x.bin")
      #expect(checkpoint.format == .opaque)
      #expect(try checkpoint.bytes(0) == bytes)
    }
  }

  @Test func brokenArchiveOfPyTorchIsNoBlobUnderAnyName() throws {
    let bytes = try Fixture("single.pt").bytes
    let error = try checkpointError {
      _ = try Checkpoint(Array(bytes.dropLast(10)), named: "model.bin")
    }
    guard case .malformedZip(.archive) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func shortenedFileIsAnErrorAndNoCrash() throws {
    let path = try folder.file("model.pt", Fixture("odd.pt").bytes)
    let checkpoint = try Checkpoint(opening: path)
    #expect(unsafe truncate(path.string, 100) == 0)
    #expect(try checkpointError { try checkpoint.readAll() } == .changedWhileReading)
  }

  @Test func rewrittenFileIsAnError() throws {
    let path = try folder.file("model.bin", [1, 2, 3])
    let checkpoint = try Checkpoint(opening: path)
    #expect(try checkpoint.bytes(0) == [1, 2, 3])
    let date = Date(timeIntervalSince1970: 1_000_000_000)
    try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: path.string)
    #expect(try checkpointError { try checkpoint.readAll() } == .changedWhileReading)
  }

  /// Trainers that are careful write beside the file and rename: the old one stays whole.
  @Test func replacedFileIsReadToItsEnd() throws {
    let path = try folder.file("model.bin", [1, 2, 3])
    let checkpoint = try Checkpoint(opening: path)
    let other = try folder.file("other.bin", [4, 5, 6, 7])
    #expect(unsafe rename(other.string, path.string) == 0)
    #expect(try checkpoint.bytes(0) == [1, 2, 3])
  }
}
