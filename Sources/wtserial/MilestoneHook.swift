import Glibc
import Runtime
import Streaming

/// Runs a user's command whenever the output has become better.
///
/// It runs through the shell, with the output's name behind it, one at a time. What happens while a
/// command runs makes one more run behind it.
/// The milestone that was reached last is in the environment, as WTSERIAL_MILESTONE.
final class MilestoneHook {
  private let command: String
  private let out: String
  private var process: pid_t?
  private var milestone = "none"
  private var isWaiting = false
  private let notice: (String) -> Void

  init(_ command: String, out: String, notice: @escaping (String) -> Void) {
    self.command = command
    self.out = out
    self.notice = notice
  }

  /// Runs the command for what has happened, if the output is better for it, now or when the one before
  /// is through.
  func note(_ news: TransferNews) {
    switch news {
    case .reached(let milestone, _, let isStored):
      self.milestone = "\(milestone.name)"
      isWaiting = isWaiting || isStored
    case .improved: isWaiting = true
    case .connected, .interrupted, .resumed, .rateChanged, .began, .progress, .notQuantized,
      .substituted, .notStored, .measured, .goesOn, .startsOver, .kept, .notKept:
      break
    }
    advance()
  }

  /// Runs it for the whole model, and waits for that.
  func finish(_ tier: Milestone.Tier?) {
    if let tier {
      milestone = "\(Milestone(tier).name)"
      isWaiting = true
    }
    advance()
    while let running = process {
      var status: CInt = 0
      _ = unsafe waitpid(running, &status, 0)
      process = nil
      judge(status)
      advance()
    }
  }

  /// Starts what waits, if nothing runs any more.
  private func advance() {
    if let process {
      var status: CInt = 0
      guard unsafe waitpid(process, &status, WNOHANG) == process else { return }
      self.process = nil
      judge(status)
    }
    guard isWaiting else { return }
    isWaiting = false
    process = start()
  }

  /// Tells of a command that has failed: nothing else hangs on it.
  private func judge(_ status: CInt) {
    guard status != 0 else { return }
    let signal = status & 0x7F
    let end = signal == 0 ? "ended with exit code \(status >> 8)" : "was ended by signal \(signal)"
    notice("the command of --on-milestone \(end)")
  }

  private func start() -> pid_t? {
    // The name is an argument of its own: whatever it holds, the shell does not read it.
    let arguments = ["/bin/sh", "-c", command + " \"$1\"", "sh", out]
    // Its words are diagnostics here: standard output is for this command's own results.
    return try? ChildProcess.start(
      arguments, environment: ["WTSERIAL_MILESTONE=\(milestone)"], output: STDERR_FILENO,
      errors: STDERR_FILENO)
  }
}
