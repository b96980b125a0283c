import ArgumentParser

/// What `doctor` has found out about a port or the machine.
struct Finding: Equatable {
  /// What was looked at; the word that `--json` has for it.
  enum Check: String, Encodable {
    case port, access, use, lock_file, modem_manager, driver, latency, rates, peer, rules
  }

  enum Severity: String, Encodable {
    /// As it should be, or simply so.
    case fact
    /// It works, and could work better.
    case advice
    /// It is in the way of a transfer.
    case problem
  }

  let check: Check
  let severity: Severity
  /// A sentence without a full stop.
  let message: String
  /// A command that mends it.
  let remedy: String?
  /// That of a problem; else 0.
  let exitCode: ExitCode

  static func fact(_ check: Check, _ message: String) -> Finding {
    Finding(
      check: check, severity: .fact, message: message, remedy: nil, exitCode: .success)
  }

  static func advice(_ check: Check, _ message: String, remedy: String? = nil) -> Finding {
    Finding(
      check: check, severity: .advice, message: message, remedy: remedy, exitCode: .success)
  }

  static func problem(
    _ check: Check, _ message: String, _ exitCode: ExitCode, remedy: String? = nil
  ) -> Finding {
    Finding(
      check: check, severity: .problem, message: message, remedy: remedy, exitCode: exitCode)
  }
}
