import Foundation
import SerialDriver
import SystemPackage
import Testing

@testable import Runtime

@Suite struct LoopbackLinkTests {
  private let folder: TemporaryFolder
  private let name: FilePath

  init() throws {
    folder = try TemporaryFolder()
    name = folder.path.appending("port")
  }

  private func target() -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: name.string)
  }

  private func link(to target: String) throws {
    try FileManager.default.createSymbolicLink(
      atPath: name.string, withDestinationPath: target)
  }

  @Test func theNameGoesWithItsOwner() throws {
    let link = try LoopbackLink(at: name, to: "/dev/pts/123456")
    #expect(target() == "/dev/pts/123456")
    #expect(link.path == name)
    close(link)
    #expect(target() == nil)
  }

  private func close(_ link: consuming LoopbackLink) {}

  @Test func aLinkToATerminalThatIsGoneIsReplaced() throws {
    try link(to: "/dev/pts/123456")
    let link = try LoopbackLink(at: name, to: "/dev/pts/123457")
    #expect(target() == "/dev/pts/123457")
    close(link)
  }

  @Test func aLinkLeftToOurNewTerminalIsReplaced() throws {
    let terminal = try PseudoTerminal()
    try link(to: terminal.path.string)
    close(try LoopbackLink(at: name, to: terminal.path))
    #expect(target() == nil)
  }

  @Test func aLinkToALivingTerminalIsKept() throws {
    let terminal = try PseudoTerminal()
    try link(to: terminal.path.string)
    #expect(throws: LoopbackError.nameInUse(name, terminal: terminal.path)) {
      _ = try LoopbackLink(at: name, to: "/dev/pts/123456")
    }
    #expect(target() == terminal.path.string)
  }

  @Test func nothingElseIsEverReplaced() throws {
    try link(to: "/nowhere")
    #expect(throws: LoopbackError.nameTaken(name)) {
      _ = try LoopbackLink(at: name, to: "/dev/pts/123456")
    }
    #expect(target() == "/nowhere")
    try FileManager.default.removeItem(atPath: name.string)
    try Data("mine".utf8).write(to: URL(fileURLWithPath: name.string))
    #expect(throws: LoopbackError.nameTaken(name)) {
      _ = try LoopbackLink(at: name, to: "/dev/pts/123456")
    }
    #expect(throws: LoopbackError.nameTaken(folder.path)) {
      _ = try LoopbackLink(at: folder.path, to: "/dev/pts/123456")
    }
    #expect(FileManager.default.contents(atPath: name.string) == Data("mine".utf8))
  }

  @Test func aNameThatAnotherTookOverStays() throws {
    let link = try LoopbackLink(at: name, to: "/dev/pts/123456")
    try FileManager.default.removeItem(atPath: name.string)
    try self.link(to: "/dev/pts/123457")
    close(link)
    #expect(target() == "/dev/pts/123457")
  }

  @Test func aFolderThatIsMissingIsNamed() {
    let path = folder.path.appending("no/port")
    #expect(throws: LoopbackError.system(.makeLink, path, .noSuchFileOrDirectory)) {
      _ = try LoopbackLink(at: path, to: "/dev/pts/123456")
    }
  }
}
