import Foundation
import SystemPackage
import Tensors
import Testing

@testable import Checkpoints

/// A file under Fixtures, and what PyTorch says is in it.
struct Fixture: CustomTestStringConvertible {
  /// A tensor as Scripts/make_fixtures.py wrote it down.
  struct Expectation: Decodable {
    let name: String
    let dtype: String
    let shape: [Int]
    let bytes: String
    let sharedWith: Int?
  }

  let name: String

  init(_ name: String) { self.name = name }

  var testDescription: String { name }

  var path: FilePath {
    get throws { FilePath(try url(name).path) }
  }

  var bytes: [UInt8] {
    get throws { Array(try Data(contentsOf: url(name))) }
  }

  var expectations: [Expectation] {
    get throws {
      try JSONDecoder().decode(
        [Expectation].self, from: Data(contentsOf: url(name + ".expected")))
    }
  }

  private func url(_ name: String) throws -> URL {
    try #require(Bundle.module.resourceURL).appendingPathComponent("Fixtures/\(name)")
  }
}

extension Memory {
  convenience init(_ bytes: [UInt8]) throws {
    try unsafe self.init(byteCount: bytes.count) { target in
      unsafe target.copyBytes(from: bytes)
    }
  }
}

extension Checkpoint {
  /// Opens bytes as if they were a file.
  init(_ bytes: [UInt8], named name: String, limits: CheckpointLimits = .init()) throws {
    try self.init(Memory(bytes), fileName: name, limits: limits)
  }

  /// Some of a tensor's bytes; all of them where no range is given.
  func bytes(_ index: Int, _ range: Range<Int>? = nil) throws -> [UInt8] {
    let range = range ?? 0..<tensors[index].descriptor.byteCount
    var bytes = [UInt8](repeating: 0xAA, count: range.count)
    try unsafe bytes.withUnsafeMutableBytes { try unsafe read(index, range, into: $0) }
    return bytes
  }

  func index(of name: String) throws -> Int {
    try #require(tensors.firstIndex { $0.descriptor.name.description == name })
  }

  /// Reads every tensor; what the corruption tests do with a file that opened.
  func readAll() throws {
    for index in tensors.indices { _ = try bytes(index) }
  }
}

/// The error that `body` throws, or nil.
func checkpointError(_ body: () throws -> Void) throws -> CheckpointError? {
  do {
    try body()
    return nil
  } catch let error as CheckpointError {
    return error
  }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
}

/// A folder that is removed when the last reference to it goes.
final class TemporaryFolder {
  let path: FilePath

  init() throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("checkpoints-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    path = FilePath(url.path)
  }

  deinit { try? FileManager.default.removeItem(atPath: path.string) }

  /// Writes a file and returns its path.
  func file(_ name: String, _ bytes: [UInt8]) throws -> FilePath {
    let file = path.appending(name)
    try Data(bytes).write(to: URL(fileURLWithPath: file.string))
    return file
  }
}
