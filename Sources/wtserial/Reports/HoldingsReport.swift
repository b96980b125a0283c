import Runtime
import Streaming

/// What `info` says of a receiver.
struct HoldingsReport {
  private struct Record: Encodable {
    let event = "holdings"
    let schema = Event.schemaVersion
    let time: Double
    let port: String
    let peer: String
    /// What it does: that it resumes, keeps, compares and so on.
    let abilities: [String]
    let room: Int?
    let slots: [Slot]
  }

  private struct Slot: Encodable {
    let state: String
    var digest: String?
    var model: String?
    var tensors: Int?
    var bytes: Int?
    var planes: Int?
  }

  private let info: ReceiverInfo
  private let room: Int?
  private let slots: [Slot]

  init(_ info: ReceiverInfo, _ listing: Listing?) {
    self.info = info
    room = listing?.room ?? info.byteCountLimit
    slots = listing?.slots.map(Self.slot) ?? Self.slots(of: info)
  }

  private static func slot(_ slot: Listing.Slot) -> Slot {
    switch slot {
    case .empty: Slot(state: "empty")
    case .unfinished(let byteCount): Slot(state: "unfinished", bytes: byteCount)
    case .model(let model, let isInUse):
      Slot(
        state: isInUse ? "in use" : "stored", digest: model.digest.hex,
        model: printableText(model.name), tensors: model.tensorCount, bytes: model.byteCount,
        planes: model.planeCount)
    }
  }

  /// What a receiver without lists says of itself.
  private static func slots(of info: ReceiverInfo) -> [Slot] {
    var slots = info.held.filter { $0 != Digest.none }.map {
      Slot(state: $0 == info.inUse ? "in use" : "stored", digest: $0.hex)
    }
    if let rest = info.unfinished {
      slots.append(Slot(state: "unfinished", bytes: rest.byteCount))
    }
    return slots
  }

  func show(on console: Console) {
    console.emitRecord { time in
      Record(
        time: time, port: console.port ?? "", peer: printableText(info.name),
        abilities: info.abilities.names, room: room, slots: slots)
    }
    var rows = [["", "model", "tensors", "bytes"]]
    for slot in slots {
      let planes = slot.planes.map { ", \($0) planes" } ?? ""
      rows.append([
        slot.state, (slot.model ?? "") + planes, slot.tensors.map(String.init) ?? "",
        slot.bytes.map(String.init) ?? "",
      ])
    }
    // A digest takes a line of its own.
    var lines = aligned(rows, rightAligned: [2, 3]).split(separator: "\n").map(String.init)
    for (place, slot) in slots.enumerated().reversed() {
      if let digest = slot.digest { lines.insert("  \(digest)", at: place + 2) }
    }
    let name = printableText(info.name)
    guard !slots.isEmpty else { return console.result("\(name) holds no model") }
    console.result("\(name)\n\(lines.joined(separator: "\n"))")
  }
}

extension Abilities {
  /// Their names, for people and programs.
  var names: [String] {
    let all: [(Abilities, String)] = [
      (.resumes, "resumes"), (.keeps, "keeps"), (.compares, "compares"),
      (.takesDifferences, "differences"), (.lists, "lists"), (.switches, "switches"),
      (.gives, "gives"),
    ]
    return all.filter { contains($0.0) }.map(\.1)
  }
}

extension Failure {
  /// Why a query makes no sense to the receiver there.
  init(_ refusal: QuerySession.Refusal, _ place: String) {
    switch refusal {
    case .unable:
      self.init(
        "the receiver on \(place) has one place for a model and nothing to change to; only boards "
          + "with slots in flash can do this", .badProtocol)
    case .noModel(let prefix, 0):
      let what = prefix.isEmpty ? "no model that is not in use" : "no model \(prefix)…"
      self.init(
        "the receiver on \(place) holds \(what); `wtserial info` shows what there is", .noInput)
    case .noModel(_, let count):
      self.init(
        "\(count) models on \(place) fit; give more of the digest, which `wtserial info` shows",
        .usage)
    case .unknowable:
      self.init(
        "what the model comes to at the receiver is known only when it is sent with these options; "
          + "send it", .badModel)
    }
  }
}
