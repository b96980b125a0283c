import SystemPackage
import Testing

@testable import Runtime

struct SensitivityFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func read(_ text: String) throws -> [String: Double] {
    try folder.write(Array(text.utf8), to: "sensitivity.json")
    return try SensitivityFile(reading: folder.file("sensitivity.json")).tensors
  }

  @Test func sensitivitiesAreReadByName() throws {
    let found = try read(#"{"schema": 1, "tensors": {"a.weight": 0.25, "größe": 3e-4, "zero": 0}}"#)
    #expect(found == ["a.weight": 0.25, "größe": 3e-4, "zero": 0])
    #expect(try read(#"{"schema": 1, "tensors": {}, "model": "later"}"#).isEmpty)
  }

  @Test(arguments: [
    "", "nonsense", "[]", "{}", #"{"schema": 1}"#, #"{"tensors": {}}"#,
    #"{"schema": 2, "tensors": {}}"#, #"{"schema": 1, "tensors": {"a": "b"}}"#,
    #"{"schema": 1, "tensors": {"a": -1}}"#, #"{"schema": 1, "tensors": {"a": null}}"#,
    #"{"schema": 1, "tensors": [1]}"#, #"{"schema": 1, "tensors": {"a": 1e999}}"#,
  ])
  func whatIsNoneIsRefused(_ text: String) throws {
    do {
      _ = try read(text)
      Issue.record("\(text) is taken")
    } catch let error as SensitivityError {
      guard case .malformed(folder.file("sensitivity.json"), _) = error else {
        Issue.record("\(text): \(error)")
        return
      }
    }
  }

  @Test func missingFileIsKnownByItsName() {
    let path = folder.file("none")
    #expect(throws: SensitivityError.cannotRead(path, .noSuchFileOrDirectory)) {
      try SensitivityFile(reading: path)
    }
    #expect(throws: SensitivityError.cannotRead(folder.path, .isDirectory)) {
      try SensitivityFile(reading: folder.path)
    }
  }

  @Test func longFilesAreReadToTheirEnd() throws {
    let entries = (0..<5000).map { "\"layer.\($0).weight\": \($0)" }
    let found = try read(#"{"schema": 1, "tensors": {"# + entries.joined(separator: ",") + "}}")
    #expect(found.count == 5000 && found["layer.4999.weight"] == 4999)
  }
}
