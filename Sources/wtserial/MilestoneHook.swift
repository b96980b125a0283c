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
  private let output: HookOutput?

  /// `pass` gets the command's words in whole lines, where they must not go to standard error as they
  /// come, for a line is shown there; else it is nil.
  ///
  /// - Throws: `Errno` where there is no descriptor left.
  init(
    _ command: String, out: String, notice: @escaping (String) -> Void, pass: ((String) -> Void)?
  ) throws {
    self.command = command
    self.out = out
    self.notice = notice
    output = try pass.map { try HookOutput($0) }
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
      .substituted, .notStored, .measured, .goesOn, .startsOver, .kept, .notKept, .gave, .notGiven,
      .giverFound, .baseIsAnother:
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
      guard let status = wait(for: running) else { continue }
      process = nil
      judge(status)
      advance()
    }
  }

  /// How the command has ended; nil while it runs, which is only where somebody has to take its words,
  /// without which it might not go on.
  private func wait(for running: pid_t) -> CInt? {
    var status: CInt = 0
    guard let output else {
      _ = unsafe waitpid(running, &status, 0)
      return status
    }
    output.pass(waiting: true)
    return unsafe waitpid(running, &status, WNOHANG) == running ? status : nil
  }

  /// Starts what waits, if nothing runs any more.
  private func advance() {
    output?.pass(waiting: false)
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
    output?.end()
    guard status != 0 else { return }
    let signal = status & 0x7F
    let end = signal == 0 ? "ended with exit code \(status >> 8)" : "was ended by signal \(signal)"
    notice("the command of --on-milestone \(end)")
  }

  private func start() -> pid_t? {
    // The name is an argument of its own: whatever it holds, the shell does not read it.
    let arguments = ["/bin/sh", "-c", command + " \"$1\"", "sh", out]
    // Its words are diagnostics here: standard output is for this command's own results.
    let words = output?.descriptor ?? STDERR_FILENO
    return try? ChildProcess.start(
      arguments, environment: ["WTSERIAL_MILESTONE=\(milestone)"], output: words, errors: words)
  }
}

/// What the commands of a hook write, handed on in whole lines.
private final class HookOutput {
  private static let patience = 50_000_000 as UInt64

  // Open at both ends: what is left of a command when it has ended is read like all else.
  private let pipe: ChildProcess.Pipe
  private let show: (String) -> Void
  private var line: [UInt8] = []

  init(_ show: @escaping (String) -> Void) throws {
    pipe = try ChildProcess.Pipe()
    self.show = show
  }

  /// What commands write to.
  var descriptor: CInt { pipe.writer }

  /// Hands on what there is, and waits a moment for it, if that is wanted.
  func pass(waiting: Bool) {
    var nanoseconds = waiting ? Self.patience : 0
    // One that writes faster than it is shown does not keep the transfer waiting.
    for _ in 0..<16 {
      guard let bytes = try? pipe.read(within: nanoseconds), !bytes.isEmpty else { break }
      line += bytes
      nanoseconds = 0
    }
    guard let end = line.lastIndex(of: UInt8(ascii: "\n")) else { return }
    show(String(decoding: line[...end], as: UTF8.self))
    line.removeSubrange(...end)
  }

  /// Hands on the rest, of a command that has ended.
  func end() {
    pass(waiting: false)
    guard !line.isEmpty else { return }
    show(String(decoding: line, as: UTF8.self) + "\n")
    line = []
  }
}
