/// What is done with the modem lines before a transfer, to restart a board.
///
/// The language is that of esptool's custom reset sequences: steps between bars, done one after the
/// other.
///
///     D0 D1      drops or raises DTR
///     R0 R1      drops or raises RTS
///     U0,1       both at once, DTR first: drops DTR and raises RTS
///     W0.1       waits so many seconds, at most 10
///
/// A line that is raised is low on the wire of a TTL adapter.
package struct ResetSequence: Equatable, Sendable {
  package enum Step: Equatable, Sendable {
    case set(ModemLine, isRaised: Bool)
    case setBoth(dtr: Bool, rts: Bool)
    case wait(milliseconds: Int)
  }

  package let steps: [Step]

  /// The sequences that have names: none; a pulse of DTR, as Arduino boards take it, whose reset hangs
  /// on DTR by a capacitor; a pulse of RTS; and what restarts an ESP32 or ESP8266 on the usual board in
  /// its program, not in its boot loader.
  package static let names = ["none", "dtr", "rts", "esp"]

  private static let waitLimitMilliseconds = 10_000
  private static let stepCountLimit = 64

  /// What is wrong with a text that is neither a name nor a sequence.
  package enum Flaw: Error, Equatable, Sendable {
    /// A step that there is not; `number` counts from 1.
    case step(number: Int, text: String)
    case tooManySteps(limit: Int)
  }

  /// Reads a name or a sequence.
  package init(parsing text: String) throws(Flaw) {
    let sequence =
      switch text.lowercased() {
      case "none": ""
      case "dtr": "D0|W0.25|D1|W0.05"
      case "rts": "R1|W0.1|R0|W0.05"
      // RTS alone holds the chip in reset; with DTR it would choose the boot loader.
      case "esp": "D0|R1|W0.1|R0|W0.05"
      default: text
      }
    steps = sequence.isEmpty && !text.isEmpty ? [] : try Self.parse(sequence)
  }

  /// Whether it sets RTS, which flow control by RTS and CTS has for itself.
  package var setsRTS: Bool {
    steps.contains { step in
      switch step {
      case .set(.rts, _), .setBoth: true
      case .set(.dtr, _), .wait: false
      }
    }
  }

  private static func parse(_ text: String) throws(Flaw) -> [Step] {
    let parts = text.split(separator: "|", omittingEmptySubsequences: false)
    guard parts.count <= stepCountLimit else { throw .tooManySteps(limit: stepCountLimit) }
    var steps: [Step] = []
    for part in parts {
      guard let step = step(part) else {
        throw .step(number: steps.count + 1, text: String(part))
      }
      steps.append(step)
    }
    return steps
  }

  private static func step(_ text: Substring) -> Step? {
    let value = text.dropFirst()
    switch text.first {
    case "D": return level(value).map { .set(.dtr, isRaised: $0) }
    case "R": return level(value).map { .set(.rts, isRaised: $0) }
    case "U":
      let levels = value.split(separator: ",", omittingEmptySubsequences: false).map(level)
      guard levels.count == 2, let dtr = levels[0], let rts = levels[1] else { return nil }
      return .setBoth(dtr: dtr, rts: rts)
    case "W":
      guard let seconds = Double(value), seconds >= 0,
        seconds * 1000 <= Double(waitLimitMilliseconds)
      else { return nil }
      return .wait(milliseconds: Int(seconds * 1000))
    default: return nil
    }
  }

  private static func level(_ text: Substring) -> Bool? {
    switch text {
    case "0": false
    case "1": true
    default: nil
    }
  }
}
