import ArgumentParser
import Checkpoints
import Dispatch
import Glibc
import Runtime
import SerialPorts
import Synchronization
import SystemPackage

/// Sends to many boards at once: a thread for each, and each model prepared once.
struct RackTransfer {
  // Threads of Dispatch are not without number, and an encoder must get one.
  static let boardCountLimit = 128
  private static let tick = DispatchTimeInterval.milliseconds(100)

  private let boards: [Board]
  private let link: LinkOptions
  private let retryLimit: Int
  private let earlier: EarlierOptions
  /// Of each board; those that get the same have the same one.
  private let models: [PreparedModel]
  private let screen: RackScreen
  private let console: Console

  /// Prepares the models.
  ///
  /// - Throws: the exit code, when what is wrong has been told.
  init(
    _ boards: [Board], _ link: LinkOptions, _ output: OutputOptions, _ earlier: EarlierOptions,
    retryLimit: Int
  ) throws {
    self.boards = boards
    self.link = link
    self.retryLimit = retryLimit
    self.earlier = earlier
    screen = RackScreen(output, boards)
    console = Console(
      isJSON: output.json, isQuiet: output.quiet, port: nil, model: nil, verb: .send)
    var models: [PreparedModel] = []
    try console.reportingErrors { models = try Self.models(of: boards) }
    self.models = models
  }

  /// Of each board: a model that several get, and from which the same is to be made, is prepared once.
  private static func models(of boards: [Board]) throws -> [PreparedModel] {
    var found: [(path: String, model: PreparedModel)] = []
    return try boards.map { board in
      let path = FilePath(board.model)
      do {
        let policy = try board.settings.contents.policy(for: Checkpoint(opening: path))
        let same = found.first { $0.path == board.model && $0.model.policy == policy }
        if let same { return same.model }
        let model = try PreparedModel(named: path.lastComponent?.string ?? board.model, policy) {
          try Checkpoint(opening: path)
        }
        found.append((board.model, model))
        return model
      } catch let error as CheckpointError {
        let failure = Failure(error, file: board.model)
        guard let origin = board.modelOrigin else { throw failure }
        throw Failure("\(origin): \(failure.sentence)", failure.exitCode)
      }
    }
  }

  /// Runs until all boards are done.
  ///
  /// - Throws: the exit code, when what went wrong has been told.
  func run() throws {
    let signals = try SignalWatcher()
    let relay = try SignalRelay()
    let outcomes = Outcomes()
    let group = DispatchGroup()
    for (board, model) in zip(boards, models) {
      let transfer = BoardTransfer(
        board: board, model: model, link: link, earlier: earlier, retryLimit: retryLimit,
        relay: relay,
        screen: screen)
      // A queue of its own is a thread of its own, for it blocks.
      DispatchQueue(label: "wtserial.board", qos: .userInitiated).async(group: group) {
        let exitCode = transfer.run()
        screenEnd(transfer, exitCode, outcomes)
      }
    }
    while group.wait(timeout: .now() + Self.tick) == .timedOut {
      if let signal = try signals.next() { relay.end(by: signal) }
      screen.draw()
    }
    screen.close()
    for model in models { model.stop() }
    try conclude(outcomes.exitCodes, wasInterrupted: relay.signal != nil)
  }

  /// Tells what all came to.
  private func conclude(_ exitCodes: [String: ExitCode], wasInterrupted: Bool) throws {
    let failed = boards.map(\.name).filter { exitCodes[$0] != .success }
    let codes = Set(failed.map { (exitCodes[$0] ?? .software).rawValue })
    let exitCode: ExitCode =
      if failed.isEmpty {
        .success
      } else if wasInterrupted {
        .interrupted
      } else if failed.count == boards.count, codes.count == 1, let code = codes.first {
        ExitCode(code)
      } else {
        .partial
      }
    console.summarize(boards: boards.count, failed: failed, exitCode)
    guard failed.isEmpty else { throw exitCode }
  }
}

/// Notes how a board has ended, and takes its row away.
private func screenEnd(_ transfer: BoardTransfer, _ exitCode: ExitCode, _ outcomes: Outcomes) {
  transfer.screen.end(transfer.board.name)
  outcomes.note(exitCode, of: transfer.board.name)
}

/// How boards have ended, by their names.
private final class Outcomes: Sendable {
  private let codes = Mutex<[String: Int32]>([:])

  func note(_ exitCode: ExitCode, of board: String) {
    codes.withLock { $0[board] = exitCode.rawValue }
  }

  var exitCodes: [String: ExitCode] {
    codes.withLock { $0 }.mapValues { ExitCode($0) }
  }
}

/// Sends to one of several boards, again where that may help.
private struct BoardTransfer: Sendable {
  // A program that has the port ends, a board starts.
  private static let pauseMilliseconds = 1000

  let board: Board
  let model: PreparedModel
  let link: LinkOptions
  let earlier: EarlierOptions
  let retryLimit: Int
  let relay: SignalRelay
  let screen: RackScreen

  /// Tells all that happens, and returns how it ended.
  func run() -> ExitCode {
    let console = Console(board, on: screen)
    var retryCount = 0
    while true {
      do {
        try attempt(console)
        return .success
      } catch {
        let failure = console.failure(of: error)
        guard mayPass(error, failure), retryCount < retryLimit, relay.signal == nil else {
          console.tell(failure)
          return failure.exitCode
        }
        retryCount += 1
        console.notice("\(failure.sentence); trying again (\(retryCount) of \(retryLimit))")
        pause()
      }
    }
  }

  /// Whether another attempt may end otherwise.
  ///
  /// Lines that were lost come back, ports are let go or plugged in, receivers start; what somebody has to
  /// put right first stays as it is.
  private func mayPass(_ error: any Error, _ failure: Failure) -> Bool {
    switch error {
    case PortSearchError.several, LabgridError.noClient, LabgridError.noPlace,
      LabgridError.noSerialPort, LabgridError.severalSerialPorts:
      false
    default: failure.exitCode == .tryAgain || failure.exitCode == .unavailable
    }
  }

  private func attempt(_ console: Console) throws {
    let session = SendSession(model) { console.tell($0) }
    earlier.configure(session)
    let transfer = PortTransfer(
      line: board.settings.line, link: link, reset: board.settings.reset,
      timeout: board.settings.timeout ?? SendCommand.timeoutByDefault)
    try transfer.run(
      session, of: model.name, over: board.port, SignalWatcher(following: relay), console)
    earlier.keep(FilePath(board.model), session)
  }

  /// Waits a while, or until a signal comes, which the next attempt takes.
  private func pause() {
    var remaining = Self.pauseMilliseconds
    while remaining > 0, relay.signal == nil {
      usleep(50_000)
      remaining -= 50
    }
  }
}

extension Console {
  /// Tells what became of several boards.
  fileprivate func summarize(boards: Int, failed: [String], _ exitCode: ExitCode) {
    emit(.summary) {
      $0.boards = boards
      $0.failed = failed
      $0.exit_code = exitCode.rawValue
    }
    if failed.isEmpty {
      let all = boards == 1 ? "the board has" : "all \(boards) boards have"
      return result("done: \(all) verified and stored the model")
    }
    // Of a single one all has been said, but for this.
    guard boards > 1 || exitCode == .interrupted else { return }
    var text =
      switch boards - failed.count {
      case 0 where boards == 1: "the board does not have the model: "
      case 0: "none of \(boards) boards has the model: "
      case 1: "1 of \(boards) boards has the model; without it: "
      case let count: "\(count) of \(boards) boards have the model; without it: "
      }
    text += failed.joined(separator: ", ")
    if exitCode == .interrupted { text = "interrupted; " + text }
    explain(Failure(text, exitCode))
  }
}
