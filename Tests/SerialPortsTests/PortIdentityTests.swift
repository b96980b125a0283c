import SystemPackage
import Testing

@testable import SerialPorts

@Suite struct PortIdentityTests {
  private typealias Identity = PortFollower.Identity

  @Test func aSerialNumberIsEnough() throws {
    let old = port("ttyUSB0", 0x403, 0x6001, serial: "A", at: "1-1")
    let identity = try #require(Identity(old, among: [old]))
    #expect(identity.fits(port("ttyUSB7", 0x403, 0x6001, serial: "A", at: "2-3", deviceNumber: 9)))
    #expect(!identity.fits(port("ttyUSB0", 0x403, 0x6001, serial: "B", at: "1-1")))
    #expect(!identity.fits(port("ttyUSB0", 0x403, 0x6015, serial: "A", at: "1-1")))
    #expect(!identity.fits(port("ttyUSB0", 0x403, 0x6001, serial: "A", at: "1-1", interface: 1)))
  }

  @Test func withoutOneThePlaceDecides() throws {
    let old = port("ttyUSB0", 0x1A86, 0x7523, serial: nil, at: "1-1")
    let identity = try #require(Identity(old, among: [old]))
    #expect(identity.fits(port("ttyUSB3", 0x1A86, 0x7523, serial: nil, at: "1-1")))
    #expect(!identity.fits(port("ttyUSB0", 0x1A86, 0x7523, serial: nil, at: "1-2")))
  }

  @Test func theSameNumberTwiceIsNone() throws {
    let old = port("ttyUSB0", 0x10C4, 0xEA60, serial: "0001", at: "1-1")
    let twin = port("ttyUSB1", 0x10C4, 0xEA60, serial: "0001", at: "1-2")
    let identity = try #require(Identity(old, among: [old, twin]))
    #expect(!identity.fits(twin))
    #expect(identity.fits(port("ttyUSB5", 0x10C4, 0xEA60, serial: "0001", at: "1-1")))
  }

  @Test func whatIsNoAdapterIsNotFollowed() {
    let uart = PortDescription(path: "/dev/ttyS0", systemPath: "/sys/devices/pnp0/00:05/tty/ttyS0")
    #expect(Identity(uart, among: [uart]) == nil)
  }

  @Test func namesAreInTheOrderOfTheirNumbers() {
    let names = ["ttyACM0", "ttyS1", "ttyUSB0", "ttyUSB2", "ttyUSB010", "ttyUSB11", "ttyUSB11a"]
    for (index, first) in names.enumerated() {
      for (other, second) in names.enumerated() {
        #expect(PortList.isOrdered(first, before: second) == (index < other), "\(first) \(second)")
      }
    }
  }
}
