import LineModel
import Runtime
import SystemPackage

/// What `loopback` prints: lines for people, or one JSON object a line.
struct LoopbackReport {
  let json: Bool

  func ready(_ loopback: borrowing Loopback, _ configuration: LoopbackConfiguration) {
    let (a, b) = (loopback.pathA.string, loopback.pathB.string)
    if json {
      emit(
        #"{"event":"ready","a":\#(quoted(a)),"b":\#(quoted(b)),"#
          + #""terminal_a":\#(quoted(loopback.terminalA.string)),"#
          + #""terminal_b":\#(quoted(loopback.terminalB.string)),"#
          + #""baud":\#(configuration.line.baudRate),"seed":\#(configuration.seed)}"#)
    } else {
      let rate = LineBaudRate(bitsPerSecond: configuration.line.baudRate)
      emit("\(a) <-> \(b)  \(rate) baud  seed \(configuration.seed)")
    }
  }

  func statistics(_ loopback: borrowing Loopback) {
    let forward = counters(of: loopback.statisticsAToB)
    let backward = counters(of: loopback.statisticsBToA)
    if json {
      emit(
        #"{"event":"statistics","a_to_b":\#(object(forward)),"b_to_a":\#(object(backward))}"#)
    } else {
      emit(table(forward, backward))
    }
  }

  func fail(_ sentence: String) {
    _ = try? FileDescriptor.standardError.writeAll("wtserial: \(sentence)\n".utf8)
  }

  private typealias Counter = (key: String, label: String, value: UInt64)

  private func counters(of statistics: LoopbackStatistics) -> [Counter] {
    let line = statistics.line
    return [
      ("bytes_sent", "bytes sent", line.bytesSent),
      ("bytes_received", "bytes received", line.bytesReceived - statistics.bytesUnattended),
      ("bits_flipped", "bits flipped", line.bitsFlipped),
      ("bytes_garbled", "bytes garbled by bursts", line.bytesGarbled),
      ("bytes_dropped", "bytes dropped", line.bytesDropped),
      ("bytes_inserted", "bytes inserted", line.bytesInserted),
      ("bytes_duplicated", "bytes duplicated", line.bytesDuplicated),
      ("bytes_overrun", "bytes lost in a full FIFO", line.bytesOverrun),
      ("bytes_lost_in_cuts", "bytes lost in cuts", line.bytesLostInCuts),
      ("bytes_unattended", "bytes nobody was there for", statistics.bytesUnattended),
    ]
  }

  private func table(_ forward: [Counter], _ backward: [Counter]) -> String {
    var lines = [row("", "a to b", "b to a")]
    for (there, back) in zip(forward, backward) {
      lines.append(row(there.label, String(there.value), String(back.value)))
    }
    return lines.joined(separator: "\n")
  }

  private func row(_ label: String, _ forward: String, _ backward: String) -> String {
    label + padding(28 - label.count) + padding(16 - forward.count) + forward
      + padding(16 - backward.count) + backward
  }

  private func padding(_ count: Int) -> String {
    String(repeating: " ", count: max(0, count))
  }

  private func object(_ counters: [Counter]) -> String {
    "{" + counters.map { #""\#($0.key)":\#($0.value)"# }.joined(separator: ",") + "}"
  }

  /// A JSON string (RFC 8259, section 7).
  private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// Writes a line at once, also into a pipe: scripts wait for `ready`.
  private func emit(_ line: String) {
    // A closed pipe is no reason to end a line that others use.
    _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8)
  }
}
