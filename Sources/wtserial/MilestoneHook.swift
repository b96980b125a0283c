import Glibc
import Runtime
import Streaming

/// Runs a user's command at milestones: through the shell, with the output's name behind it, one at a time.
///
/// A milestone that is reached while the last one's command runs waits, and only the newest does.
final class MilestoneHook {
  private let command: String
  private let out: String
  private var process: pid_t?
  private var waiting: Milestone?

  init(_ command: String, out: String) {
    self.command = command
    self.out = out
  }

  /// Runs the command for a milestone, now or when the one before is through.
  func run(_ milestone: Milestone) {
    waiting = milestone
    advance()
  }

  /// Starts what waits, if nothing runs any more.
  func advance() {
    if let process {
      var status: CInt = 0
      guard unsafe waitpid(process, &status, WNOHANG) == process else { return }
      self.process = nil
    }
    guard let milestone = waiting.take() else { return }
    process = start(milestone)
  }

  /// Waits for what runs and for what waits.
  func wait() {
    while let running = process {
      var status: CInt = 0
      _ = unsafe waitpid(running, &status, 0)
      process = nil
      advance()
    }
  }

  private func start(_ milestone: Milestone) -> pid_t? {
    // The name is an argument of its own: whatever it holds, the shell does not read it.
    let arguments = ["sh", "-c", command + " \"$1\"", "sh", out]
    let environment = Self.environment + ["WTSERIAL_MILESTONE=\(milestone.name)"]
    var argv = unsafe arguments.map { unsafe strdup($0) } + [nil]
    var envp = unsafe environment.map { unsafe strdup($0) } + [nil]
    defer {
      unsafe argv.forEach { unsafe free($0) }
      unsafe envp.forEach { unsafe free($0) }
    }
    // Its words are diagnostics here: standard output is for this command's own results.
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
    // The command that runs this blocks signals, which a child would inherit.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var process: pid_t = 0
    let error = unsafe posix_spawn(&process, "/bin/sh", &actions, &attributes, &argv, &envp)
    return error == 0 ? process : nil
  }

  private static var environment: [String] {
    var entries: [String] = []
    var place = unsafe environ
    while let entry = unsafe place.pointee {
      entries.append(unsafe String(cString: entry))
      unsafe place += 1
    }
    return entries
  }
}
