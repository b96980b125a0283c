import ArgumentParser
import Runtime

/// One of the boards that a command sends to.
struct Board: Sendable {
  /// What its results go by: its name in the rack's file, else PORT.
  var name: String
  var port: String
  /// The file that it gets.
  var model: String
  var settings: BoardSettings
  /// Where a rack's file names the port and the model, file and line; nil for what the command line has.
  var portOrigin: String?
  var modelOrigin: String?
}

extension ContentOptions {
  /// These, and where they say nothing, others.
  func over(_ others: ContentOptions) -> ContentOptions {
    var all = self
    all.givenPrecision = givenPrecision ?? others.givenPrecision
    all.codec = codec ?? others.codec
    all.givenOrder = givenOrder ?? others.givenOrder
    all.sensitivity = sensitivity ?? others.sensitivity
    all.priority = priority.isEmpty ? others.priority : priority
    all.givenShare = givenShare ?? others.givenShare
    all.quantizer = quantizer ?? others.quantizer
    all.bits = bits ?? others.bits
    return all
  }
}

/// What may be said of a board; nil where nothing was.
struct BoardSettings: Sendable {
  var baud: BaudRateChoice?
  var rtscts: Bool?
  var reset: ResetChoice?
  var wait: WaitChoice?
  /// Seconds to look for a receiver.
  var timeout: Int?
  /// What becomes of the model before it goes there.
  var contents = ContentOptions()
  /// Where `baud`, `rtscts` and `reset` were set: a variable, or file and line; none for what the command line has.
  var origins: [String: String] = [:]

  /// These, and where they say nothing, others.
  func over(_ others: BoardSettings) -> BoardSettings {
    BoardSettings(
      baud: baud ?? others.baud, rtscts: rtscts ?? others.rtscts, reset: reset ?? others.reset,
      wait: wait ?? others.wait, timeout: timeout ?? others.timeout,
      contents: contents.over(others.contents),
      origins: others.origins.filter { !given.contains($0.key) }.merging(origins) { $1 })
  }

  /// The keys of `origins` that something is said of here.
  private var given: [String] {
    let keys = [
      baud == nil ? nil : "baud", rtscts == nil ? nil : "rtscts", reset == nil ? nil : "reset",
    ]
    return keys.compactMap(\.self)
  }

  /// How the port is to be run.
  var line: PortOptions {
    var line = PortOptions()
    line.baud = baud
    line.rtscts = rtscts ?? false
    line.wait = wait
    return line
  }
}
