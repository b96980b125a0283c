import ArgumentParser
import LineModel
import LinkLayer
import Runtime
import SystemPackage

/// What `loopback` prints: lines for people, or one JSON object a line.
struct LoopbackReport {
  let json: Bool
  private let start = MonotonicClock.now

  init(json: Bool) { self.json = json }

  private struct Ready: Encodable {
    let event = "ready"
    let time: Double
    let schema = Event.schemaVersion
    let a: String
    let b: String
    let terminal_a: String
    let terminal_b: String
    let baud: UInt32
    let follow_termios: Bool
    let half_duplex: Bool
    let seed: UInt64
  }

  private struct Statistics: Encodable {
    let event = "statistics"
    let time: Double
    let schema = Event.schemaVersion
    let a_to_b: [String: UInt64]
    let b_to_a: [String: UInt64]
  }

  private struct Failed: Encodable {
    let event = Event.Name.error
    let time: Double
    let schema = Event.schemaVersion
    let message: String
    let exit_code: Int32
  }

  func ready(_ loopback: borrowing Loopback, _ configuration: LoopbackConfiguration) {
    let (a, b) = (loopback.pathA.string, loopback.pathB.string)
    let baud = configuration.line.baudRate
    if json {
      emit(
        jsonText(
          Ready(
            time: time, a: a, b: b, terminal_a: loopback.terminalA.string,
            terminal_b: loopback.terminalB.string, baud: baud,
            follow_termios: configuration.followsTermios,
            half_duplex: configuration.isHalfDuplex, seed: configuration.seed)))
    } else {
      emit("\(a) <-> \(b)  \(words(for: configuration))  seed \(configuration.seed)")
    }
  }

  private func words(for configuration: LoopbackConfiguration) -> String {
    let baud = LineBaudRate(bitsPerSecond: configuration.line.baudRate)
    return (configuration.followsTermios ? "the ports' own rates, else \(baud)" : "\(baud)")
      + (configuration.isHalfDuplex ? " baud, half duplex" : " baud")
  }

  func statistics(_ loopback: borrowing Loopback) {
    let forward = counters(of: loopback.statisticsAToB)
    let backward = counters(of: loopback.statisticsBToA)
    if json {
      emit(jsonText(Statistics(time: time, a_to_b: byKey(forward), b_to_a: byKey(backward))))
    } else {
      emit(table(forward, backward))
    }
  }

  /// Seconds since the command began.
  private var time: Double { Double((MonotonicClock.now - start).microseconds) / 1e6 }

  func fail(_ sentence: String, _ exitCode: ExitCode) {
    if json {
      emit(jsonText(Failed(time: time, message: sentence, exit_code: exitCode.rawValue)))
    }
    _ = try? FileDescriptor.standardError.writeAll("wtserial: \(sentence)\n".utf8)
  }

  private typealias Counter = (key: String, label: String, value: UInt64)

  private func counters(of statistics: LoopbackStatistics) -> [Counter] {
    let line = statistics.line
    return [
      ("bytes_sent", "bytes sent", line.bytesSent),
      ("bytes_received", "bytes received", line.bytesReceived - statistics.bytesUnattended),
      ("bits_flipped", "bits flipped", line.bitsFlipped),
      ("bytes_garbled", "bytes garbled", line.bytesGarbled),
      ("bytes_misread", "bytes misread", line.bytesMisread),
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

  private func byKey(_ counters: [Counter]) -> [String: UInt64] {
    Dictionary(uniqueKeysWithValues: counters.map { ($0.key, $0.value) })
  }

  /// Writes a line at once, also into a pipe: scripts wait for `ready`.
  private func emit(_ line: String) {
    // A closed pipe is no reason to end a line that others use.
    _ = try? FileDescriptor.standardOutput.writeAll("\(line)\n".utf8)
  }
}
