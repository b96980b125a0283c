import CSerial
import SystemPackage
import Testing

@testable import SerialDriver

@Suite struct PollerTests {
  @Test func aDescriptorIsReadyWhenBytesCome() throws {
    let (reader, writer) = try FileDescriptor.pipe()
    defer {
      try? reader.close()
      try? writer.close()
    }
    var poller = Poller()
    poller.watch(reader.rawValue, for: .readable)
    poller.watch(writer.rawValue, for: .writable)
    try poller.wait(nanoseconds: nil)
    #expect(!poller.isReadable(reader.rawValue))
    #expect(poller.isWritable(writer.rawValue))
    try writer.writeAll([1])
    try poller.wait(nanoseconds: nil)
    #expect(poller.isReadable(reader.rawValue))
  }

  @Test func anEmptyInterestHidesADescriptor() throws {
    let (reader, writer) = try FileDescriptor.pipe()
    defer { try? reader.close() }
    var poller = Poller()
    poller.watch(reader.rawValue, for: .readable)
    try writer.close()
    try poller.wait(nanoseconds: nil)
    #expect(poller.isReadable(reader.rawValue))
    poller.watch(reader.rawValue, for: [])
    try poller.wait(nanoseconds: 0)
    #expect(!poller.isReadable(reader.rawValue))
    poller.watch(reader.rawValue, for: .readable)
    try poller.wait(nanoseconds: nil)
    #expect(poller.isReadable(reader.rawValue))
  }

  @Test func theTimeEndsTheWait() throws {
    var poller = Poller()
    try poller.wait(nanoseconds: 1)
    try poller.wait(nanoseconds: 1_000_001)
    #expect(!poller.isReadable(0))
  }
}
