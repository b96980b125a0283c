import SerialDriver
import SerialPorts
import SystemPackage

/// A port as `--json` tells it.
struct PortRecord: Encodable {
  enum Name: String, Encodable {
    case port, added, removed
  }

  let event: Name
  /// Seconds since the command began.
  let time: Double
  let schema = Event.schemaVersion
  let path: String
  /// Whether the path is there: a container sees devices whose nodes it lacks.
  let node: Bool
  let by_id: String?
  let by_path: String?
  /// Four hexadecimal digits each.
  let vendor_id: String?
  let product_id: String?
  let manufacturer: String?
  let product: String?
  let serial_number: String?
  let interface: Int?
  let usb_path: String?
  let driver: String?
  let bus: String?
  let owner: PortOwnerRecord?

  init(_ port: PortDescription, _ owner: PortOwner?, event: Name, time: Double) {
    self.event = event
    self.time = time
    path = port.path.string
    node = port.hasNode
    by_id = port.byID?.string
    by_path = port.byPath?.string
    let numbers = port.usb?.numbers.split(separator: ":").map(String.init)
    vendor_id = numbers?[0]
    product_id = numbers?[1]
    manufacturer = port.usb?.manufacturer
    product = port.usb?.product
    serial_number = port.usb?.serialNumber
    interface = port.usb?.interfaceNumber.map(Int.init)
    usb_path = port.usb?.location
    driver = port.driver
    bus = port.bus
    self.owner = owner.map(PortOwnerRecord.init)
  }
}

/// Who has a port.
struct PortOwnerRecord: Encodable {
  let pid: Int32
  let name: String

  init(_ owner: PortOwner) {
    pid = owner.processID
    name = owner.name
  }
}

/// What `ports` says.
extension Console {
  func list(_ ports: [PortDescription], isLong: Bool) {
    let owners = PortOwner.owners(of: ports.map(\.path))
    for (port, owner) in zip(ports, owners) {
      emitRecord { PortRecord(port, owner, event: .port, time: $0) }
    }
    if ports.isEmpty {
      say("no serial ports; is an adapter plugged in?")
    } else if isLong {
      result(zip(ports, owners).map(details).joined(separator: "\n\n"))
    } else {
      result(PortTable(ports, owners).text(width: resultWidth))
    }
  }

  func watching() {
    say("watching for ports that come and go …")
  }

  func added(_ port: PortDescription) {
    let owner = PortOwner.owners(of: [port.path])[0]
    emitRecord { PortRecord(port, owner, event: .added, time: $0) }
    result("added    \(summary(of: port))")
  }

  func removed(_ port: PortDescription) {
    emitRecord { PortRecord(port, nil, event: .removed, time: $0) }
    result("removed  \(summary(of: port))")
  }
}

/// Ports in a table: as wide as it needs to be, or cut to fit.
struct PortTable {
  private static let head = ["port", "usb id", "product", "serial", "at", "driver", "in use by"]
  // What is worth least is cut first, or left out where it would have no room at all; names by which
  // a port is chosen never are.
  private static let shrinking: [(column: Int, minimum: Int)] = [
    (2, 12), (3, 8), (5, 0), (2, 8), (6, 9),
  ]

  private let rows: [[String]]

  init(_ ports: [PortDescription], _ owners: [PortOwner?]) {
    rows = zip(ports, owners).map { port, owner in
      [
        port.path.string, port.usb?.numbers ?? "", port.usb?.product ?? "",
        port.usb?.serialNumber ?? "", port.usb?.location ?? port.bus ?? "", port.driver ?? "",
        port.hasNode ? owner.map { "\($0.name) (\($0.processID))" } ?? "" : "no node here",
      ].map(printableText)
    }
  }

  /// The table; lines of at most `width` characters, as far as that can be done.
  func text(width: Int?) -> String {
    var table = [Self.head] + rows
    // What no port has takes no room.
    for column in Self.head.indices.dropFirst() where rows.allSatisfy({ $0[column].isEmpty }) {
      cut(column, of: &table, to: 0)
    }
    for (column, minimum) in Self.shrinking {
      let widths = Self.widths(of: table).filter { $0 > 0 }
      let excess = widths.reduce(0, +) + 2 * (widths.count - 1) - (width ?? .max)
      guard excess > 0 else { break }
      let limit = minimum == 0 ? 0 : max(Self.widths(of: table)[column] - excess, minimum)
      cut(column, of: &table, to: limit)
    }
    let used = Self.widths(of: table).enumerated().filter { $0.element > 0 }.map(\.offset)
    return aligned(table.map { row in used.map { row[$0] } }, rightAligned: [])
  }

  private func cut(_ column: Int, of table: inout [[String]], to width: Int) {
    for row in table.indices {
      table[row][column] = width == 0 ? "" : shortened(table[row][column], to: width)
    }
  }

  private static func widths(of table: [[String]]) -> [Int] {
    head.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
  }
}

/// A text of at most so many characters.
func shortened(_ text: String, to count: Int) -> String {
  text.count <= count ? text : text.prefix(max(count - 1, 0)) + "…"
}

/// A port in some words.
func summary(of port: PortDescription) -> String {
  guard let usb = port.usb else {
    return printableText("\(port.path)  \(port.driver ?? "")")
  }
  var words = ["\(port.path)", usb.numbers]
  if let serial = usb.serialNumber { words.append(serial) }
  words.append(usb.location)
  if let product = usb.product { words.append(product) }
  return printableText(words.joined(separator: "  "))
}

/// All that is known of a port, a line each.
private func details(of port: PortDescription, _ owner: PortOwner?) -> String {
  var facts: [(String, String?)] = [
    ("by-id", port.byID?.string), ("by-path", port.byPath?.string),
    ("usb id", port.usb?.numbers), ("manufacturer", port.usb?.manufacturer),
    ("product", port.usb?.product), ("serial", port.usb?.serialNumber),
    ("interface", port.usb?.interfaceNumber.map { String($0) }), ("usb path", port.usb?.location),
    ("bus", port.usb == nil ? port.bus : nil), ("driver", port.driver),
    ("in use by", owner.map { "\($0.name) (process \($0.processID))" }),
  ]
  if !port.hasNode { facts.append(("node", "not in this container or machine")) }
  let lines = facts.compactMap { name, text in
    text.map { "  \(name)" + String(repeating: " ", count: 14 - name.count) + printableText($0) }
  }
  return ([port.path.string] + lines).joined(separator: "\n")
}
