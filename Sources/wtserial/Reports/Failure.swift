import ArgumentParser
import Checkpoints
import LinkLayer
import NetworkPorts
import Runtime
import SerialDriver
import SerialPorts
import Streaming
import SystemPackage
import Transfer

/// What went wrong and what to do next, in a sentence, and the exit code that scripts read.
struct Failure: Error, Equatable {
  let sentence: String
  let exitCode: ExitCode

  init(_ sentence: String, _ exitCode: ExitCode) {
    // Names from files and peers stand in it, which could steer the terminal.
    self.sentence = printableText(sentence)
    self.exitCode = exitCode
  }

  /// The sentence for any error that a command meets; `offersWait` where `--wait` could help.
  init(_ error: any Error, port: String?, model: String?, offersWait: Bool) {
    switch error {
    case let error as Failure: self = error
    case let error as SessionFailure: self = error.failure(port: port ?? "the port", model: model)
    case let error as CheckpointError: self = Failure(error, file: model ?? "the model")
    case let error as OutputError: self = Failure(error)
    case let error as FlashFileError: self = Failure(error)
    case let error as SensitivityError: self = Failure(error)
    case SerialError.noSuchPort(let path):
      self.init(noPortAt: path, among: PortList.ports(), offersWait: offersWait)
    case let error as SerialError:
      let (sentence, exitCode) = report(on: error)
      self.init(sentence, exitCode)
    case let error as PortSelectorError: self = Failure(error)
    case let error as PortSearchError: self.init(error, offersWait: offersWait)
    case let error as NetworkPortError: self = Failure(error)
    case let error as LabgridError: self.init(error, offersWait: offersWait)
    case let flaw as NetworkAddress.Flaw: self = Failure(flaw, in: port ?? "the port")
    default: self.init("unexpected error: \(error); please report it", .software)
    }
  }

  /// Whether an error is about the port that was asked for, and not about what goes over it.
  static func isAboutPort(_ error: any Error) -> Bool {
    error is SerialError || error is PortSelectorError || error is PortSearchError
      || error is NetworkPortError || error is LabgridError || error is NetworkAddress.Flaw
  }

  /// The options, by their long names, that an error may come of, whoever has set them; the likeliest first.
  static func settings(behind error: any Error) -> [String] {
    switch error {
    case SerialError.noModemLines, NetworkPortError.noModemLines,
      NetworkPortError.settingRefused(_, .modemLine):
      ["reset"]
    case NetworkPortError.settingRefused(_, .flowControl): ["rtscts"]
    case NetworkPortError.noAnswer(_, .setControl): ["reset", "rtscts"]
    case SerialError.rateRefused, NetworkPortError.rateRefused: ["baud"]
    case let failure as SessionFailure:
      switch failure.error {
      case SessionError.noSender, SessionError.ended(.linkClosed(.noAnswer)): ["baud"]
      default: []
      }
    default: []
    }
  }

  /// A signal has ended the command, before or after contents of the model went over the line.
  static func interrupted(
    _ verb: Console.Verb, isUnderWay: Bool, isResumable: Bool = false
  ) -> Failure {
    let sentence =
      switch (verb, isUnderWay) {
      case (.send, false): "interrupted before anything was sent; nothing is lost"
      case (.receive, false): "interrupted before anything had come; nothing is lost"
      case (.pull, false): "interrupted before anything had come; nothing is lost"
      case (.send, true), (.receive, true):
        isResumable
          ? "interrupted; run both commands again, and the transfer goes on where it was"
          : "interrupted; run both commands again to send the model anew"
      case (.pull, true): "interrupted; pull again, and it goes on where it was"
      case (.device, _), (.inspect, _), (.ports, _), (.doctor, _): "interrupted"
      }
    return Failure(sentence, .interrupted)
  }

  init(_ error: OutputError) {
    let next =
      switch error.errno {
      case .noSpace, .diskQuotaExceeded: "free some space, or write to another disk"
      case .readOnlyFileSystem, .permissionDenied, .notPermitted:
        "write to a folder that is yours"
      case .noSuchFileOrDirectory, .notDirectory: "create the folder first"
      case .fileTooLarge: "raise the limit of `ulimit -f`, or write to another disk"
      case .isDirectory, .invalidArgument: "give the name of a file"
      case .fileExists: "it is no file; give the name of one"
      default: "write to another place"
      }
    let path = error.path.isEmpty ? "''" : error.path.string
    self.init("cannot write \(path): \(error.errno); \(next)", .cannotCreate)
  }
}

extension Failure {
  init(_ error: FlashFileError) {
    switch error {
    case .output(let error): self.init(error)
    case .size(let path, let found, let needed):
      self.init(
        "\(path) is not the flash of this device: it has \(found) bytes and not \(needed); give "
          + "another file, or remove it to begin with an erased one", .cannotCreate)
    case .inUse(let path):
      self.init(
        "\(path) is the flash of a device that runs; end that, or give another file", .tryAgain)
    }
  }

  init(_ error: SensitivityError) {
    switch error {
    case .cannotRead(let path, .noSuchFileOrDirectory):
      self.init(
        "there is no file \(path); make one with Scripts/sensitivity.py, or leave --sensitivity out",
        .noInput)
    case .cannotRead(let path, let errno): self.init("cannot read \(path): \(errno)", .noInput)
    case .malformed(let path, let reason):
      self.init(
        "\(path) holds no sensitivities: \(reason); make it anew with Scripts/sensitivity.py",
        .badModel)
    }
  }
}

extension ExitCode {
  // sysexits(3), as far as it goes.
  static let usage = ExitCode(64)
  static let badModel = ExitCode(65)
  static let noInput = ExitCode(66)
  static let unavailable = ExitCode(69)
  static let software = ExitCode(70)
  static let cannotCreate = ExitCode(73)
  static let ioError = ExitCode(74)
  static let tryAgain = ExitCode(75)
  static let badProtocol = ExitCode(76)
  static let noPermission = ExitCode(77)
  static let badConfiguration = ExitCode(78)
  static let notVerified = ExitCode(79)
  /// Of several boards some have failed, or each for a reason of its own.
  static let partial = ExitCode(80)
  static let interrupted = ExitCode(130)
}
