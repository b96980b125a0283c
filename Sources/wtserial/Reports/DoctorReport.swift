import ArgumentParser
import SerialPorts
import SystemPackage

/// A finding as `--json` tells it.
private struct FindingRecord: Encodable {
  let event = "finding"
  let time: Double
  let schema = Event.schemaVersion
  /// The port that it is about, nil for the machine.
  let port: String?
  let check: Finding.Check
  let severity: Finding.Severity
  let message: String
  let remedy: String?
  let exit_code: Int32?
}

/// The end of a diagnosis.
private struct DiagnosisRecord: Encodable {
  let event = "done"
  let time: Double
  let schema = Event.schemaVersion
  let problems: Int
  let advice: Int
  let exit_code: Int32
}

/// What `doctor` says.
extension Console {
  /// Shows findings, and answers them.
  func show(_ findings: [Finding], of port: PortDescription?, title: String?) -> [Finding] {
    if let title, lastTitle != title {
      let product = port?.usb?.product.map { "  \($0)" } ?? ""
      result((lastTitle == nil ? "" : "\n") + printableText("\(title)\(product)"))
      lastTitle = title
    } else if title == nil, !findings.isEmpty {
      result(lastTitle == nil ? "this machine" : "\nthis machine")
    }
    for finding in findings {
      emitRecord { time in
        FindingRecord(
          time: time, port: title, check: finding.check, severity: finding.severity,
          message: printableText(finding.message), remedy: finding.remedy,
          exit_code: finding.severity == .problem ? finding.exitCode.rawValue : nil)
      }
      result(text(of: finding))
    }
    return findings
  }

  private func text(of finding: Finding) -> String {
    let mark =
      switch finding.severity {
      case .fact: "  ok       "
      case .advice: "  advice   "
      case .problem: "  PROBLEM  "
      }
    let indent = String(repeating: " ", count: mark.count)
    let message = wrapped(printableText(finding.message), width: (resultWidth ?? 80) - mark.count)
    // A long one, which many findings have, and which is told in the end.
    let command = finding.remedy == Remedy.installRules ? "the rules below" : finding.remedy
    let remedy = command.map { ["→ \(printableText($0))"] } ?? []
    return mark + (message + remedy).joined(separator: "\n" + indent)
  }

  func opening(_ path: String) {
    say("opening \(path): a board that is reset by DTR restarts now …")
  }

  func connecting(to name: String) {
    say("connecting to \(name) …")
  }

  func diagnosed(_ findings: [Finding]) {
    let problems = findings.filter { $0.severity == .problem }
    let advice = findings.filter { $0.severity == .advice }
    emitRecord { time in
      DiagnosisRecord(
        time: time, problems: problems.count, advice: advice.count,
        exit_code: problems.first?.exitCode.rawValue ?? 0)
    }
    if findings.contains(where: { $0.remedy == Remedy.installRules }) {
      result("\nto install the rules for udev:\n\(Remedy.installRules)")
    }
    if problems.isEmpty { result("\nnothing is in the way of a transfer") }
  }
}

/// A text in lines of at most `width` characters, as far as its words allow.
func wrapped(_ text: String, width: Int) -> [String] {
  var lines: [String] = []
  for word in text.split(separator: " ") {
    if let last = lines.last, last.count + 1 + word.count <= width {
      lines[lines.count - 1] = "\(last) \(word)"
    } else {
      lines.append(String(word))
    }
  }
  return lines
}
