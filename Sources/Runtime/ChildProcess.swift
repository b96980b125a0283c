package import Glibc
internal import SerialDriver
package import SystemPackage

/// Programs that are run on the user's behalf.
package enum ChildProcess {
  /// What a program had to say, and how it ended.
  package struct Outcome: Equatable, Sendable {
    /// The exit code; 128 and the signal's number where a signal ended it.
    package var status: CInt
    package var output: String
    package var words: String
  }

  // A program that says more than this is not read on.
  private static let outputByteCountLimit = 1 << 20

  /// Starts a program, which is looked for in PATH and inherits the environment.
  ///
  /// `environment` has `NAME=VALUE`, on top of what there is. The terminal's Ctrl-C is none of the
  /// business of a program that `isApart`.
  package static func start(
    _ arguments: [String], environment: [String] = [], output: CInt, errors: CInt,
    isApart: Bool = false
  ) throws(Errno) -> pid_t {
    var argv = unsafe arguments.map { unsafe strdup($0) } + [nil]
    var envp = unsafe (inherited + environment).map { unsafe strdup($0) } + [nil]
    defer {
      unsafe argv.forEach { unsafe free($0) }
      unsafe envp.forEach { unsafe free($0) }
    }
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    unsafe posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
    // The commands here block signals, which a child would inherit.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    unsafe sigemptyset(&none)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    let flags = POSIX_SPAWN_SETSIGMASK | (isApart ? POSIX_SPAWN_SETPGROUP : 0)
    unsafe posix_spawnattr_setflags(&attributes, Int16(flags))
    var process: pid_t = 0
    let error = unsafe posix_spawnp(&process, arguments[0], &actions, &attributes, &argv, &envp)
    guard error == 0 else { throw Errno(rawValue: error) }
    return process
  }

  /// Runs a program to its end, or ends it when the time is over.
  package static func run(_ arguments: [String], seconds: Int) throws(Errno) -> Outcome {
    var output = try Pipe()
    var errors = try Pipe()
    let process = try start(
      arguments, output: output.writer, errors: errors.writer, isApart: true)
    // Or the pipes would never end.
    output.closeWriter()
    errors.closeWriter()
    let end = MonotonicClock.nanoseconds + UInt64(seconds) * 1_000_000_000
    var texts: [[UInt8]] = [[], []]
    var isOpen = [true, true]
    var poller = Poller()
    while isOpen.contains(true), MonotonicClock.nanoseconds < end {
      poller.watch(output.reader.rawValue, for: isOpen[0] ? .readable : [])
      poller.watch(errors.reader.rawValue, for: isOpen[1] ? .readable : [])
      try poller.wait(nanoseconds: 100_000_000)
      if isOpen[0], poller.isReadable(output.reader.rawValue) {
        isOpen[0] = try take(output.reader, &texts[0])
      }
      if isOpen[1], poller.isReadable(errors.reader.rawValue) {
        isOpen[1] = try take(errors.reader, &texts[1])
      }
    }
    if isOpen.contains(true) { kill(process, SIGKILL) }
    return Outcome(
      status: wait(for: process), output: String(decoding: texts[0], as: UTF8.self),
      words: String(decoding: texts[1], as: UTF8.self))
  }

  /// What a program writes, to be read here.
  package struct Pipe: ~Copyable {
    let reader: OwnedDescriptor
    private var end: OwnedDescriptor?

    package init() throws(Errno) {
      var ends: [CInt] = [-1, -1]
      try systemCall { unsafe pipe(&ends) }
      reader = OwnedDescriptor(ends[0])
      end = OwnedDescriptor(ends[1])
      // Not for other children; the one that is meant gets it by dup2, which takes the flag off.
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    }

    /// What the program gets.
    package var writer: CInt {
      switch end {
      case .some(let end): end.rawValue
      case .none: -1
      }
    }

    /// To be called when the program has it.
    package mutating func closeWriter() { end = nil }

    /// What has been written by then, up to some kilobytes; nothing where there is nothing.
    package func read(within nanoseconds: UInt64) throws(Errno) -> [UInt8] {
      var poller = Poller()
      poller.watch(reader.rawValue, for: .readable)
      try poller.wait(nanoseconds: nanoseconds)
      guard poller.isReadable(reader.rawValue) else { return [] }
      var text: [UInt8] = []
      _ = try ChildProcess.take(reader, &text)
      return text
    }
  }

  private static func take(
    _ file: borrowing OwnedDescriptor, _ text: inout [UInt8]
  ) throws(Errno) -> Bool {
    var failure: Errno?
    var count = 0
    let bytes = [UInt8](capacity: 4096) { output in
      do throws(Errno) {
        count = try file.read(into: &output) ?? 0
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    if text.count < outputByteCountLimit { text += bytes }
    return count > 0
  }

  private static func wait(for process: pid_t) -> CInt {
    var status: CInt = 0
    _ = unsafe waitpid(process, &status, 0)
    let signal = status & 0x7F
    return signal == 0 ? status >> 8 & 0xFF : 128 + signal
  }

  /// The environment of this process, which a program inherits: `NAME=VALUE` each.
  package static var inherited: [String] {
    var entries: [String] = []
    var place = unsafe environ
    while let entry = unsafe place.pointee {
      entries.append(unsafe String(cString: entry))
      unsafe place += 1
    }
    return entries
  }
}
