import ArgumentParser
import LinkLayer
import Runtime
import Streaming
import SystemPackage
import Transfer

/// An error that ended a session, with what is known about the line.
struct SessionFailure: Error {
  let error: any Error
  let statistics: LinkStatistics
  let baudRate: UInt32
  let timeout: Int
  let verb: Console.Verb
  /// What has come all the same: tensors that are complete, and the file that holds all.
  var rescued: Rescue?
  /// Whether another session can go on with what has come.
  var isResumable = false
  /// Whether this end waits for one after the other.
  var isStaying = false
  /// Whether the server of the port speaks Telnet where bytes are to go as they are.
  var soundsLikeTelnet = false
  /// What was offered, where this end sends.
  var offered: Manifest?

  struct Rescue {
    var tensorCount: Int
    /// How far all of the model had come.
    var tier: Milestone.Tier?
    var path: FilePath
    /// Whether it is a model that can be loaded and used.
    var isModel: Bool
  }

  init(
    _ error: any Error, _ statistics: LinkStatistics, line: PortOptions, timeout: Int,
    verb: Console.Verb
  ) {
    self.init(error, statistics, baudRate: line.baudRate, timeout: timeout, verb: verb)
  }

  init(
    _ error: any Error, _ statistics: LinkStatistics, baudRate: UInt32, timeout: Int,
    verb: Console.Verb
  ) {
    self.error = error
    self.statistics = statistics
    self.baudRate = baudRate
    self.timeout = timeout
    self.verb = verb
  }

  /// Whether the other end, or the line, is what has failed, and this end is as well as before.
  static func isOfPeer(_ error: any Error) -> Bool {
    switch error as? SessionError {
    case .ended: true
    case .writer(let error):
      if case .output = error { false } else { true }
    case .noSender, .noSlots, .modelTooLarge, .digestMismatch, nil: false
    }
  }

  func failure(port: String, model: String?) -> Failure {
    let failure =
      switch error {
      case SessionError.ended(.linkClosed(let reason)): closed(reason, port)
      case SessionError.ended(.receiverFailed(let cause)): refused(cause)
      case SessionError.ended(.brokenStream(let error)):
        Failure(
          "the peer on \(port) breaks the protocol (\(error)); use the same version of wtserial "
            + "at both ends", .badProtocol)
      case SessionError.ended(.completed):
        Failure("the session ended early; please report it", .software)
      case SessionError.modelTooLarge(let byteCount, let limit):
        Failure(
          "the model takes \(byteText(byteCount)) and the receiver has room for "
            + "\(byteText(limit)); send a smaller model", .cannotCreate)
      case SessionError.digestMismatch:
        Failure(
          "the receiver has verified another model than was sent; send it again", .notVerified)
      case SessionError.noSlots:
        Failure(
          "the receiver on \(port) has one place for a model, so what comes is used; leave "
            + "--no-activate out", .badProtocol)
      case SessionError.noSender: noSender(port)
      case SessionError.writer(let error): Self.notWritten(error)
      case is TransferLoop.Interruption where isStaying && !isUnderWay:
        Failure("interrupted; no model is waited for any more", .interrupted)
      case is TransferLoop.Interruption:
        Failure.interrupted(
          verb, isUnderWay: isUnderWay, isResumable: isResumable)
      default: Failure(error, port: port, model: model, offersWait: false)
      }
    guard let rescued else { return failure }
    var what = rescued.isModel ? "the best model so far" : "what has come"
    if let tier = rescued.tier { what += ", \(Milestone(tier).name)" }
    if rescued.tensorCount > 0 {
      what += ", with \(countText(rescued.tensorCount, "complete tensor"))"
    }
    return Failure("\(failure.sentence); \(what), is in \(rescued.path)", failure.exitCode)
  }

  /// Whether contents may have gone over the line.
  ///
  /// The manifest goes first, and nothing follows it
  /// until the receiver has it.
  private var isUnderWay: Bool {
    (verb == .send ? statistics.bytesAcknowledged : statistics.bytesDelivered) > 0
  }

  private func closed(_ reason: CloseReason, _ port: String) -> Failure {
    let other = verb == .receive ? "sender" : "receiver"
    switch reason {
    case .noAnswer: return noAnswer(port)
    case .peerSilent:
      return Failure(
        "the \(other) on \(port) has fallen silent; check the cable and that it still runs, then "
          + again, .tryAgain)
    case .peerReset:
      return Failure(
        "the \(other) on \(port) was reset again and again without getting any further; check its "
          + "power and its program, then \(again)", .tryAgain)
    case .lineUnusable:
      return Failure(
        "the line on \(port) damages nearly every frame; check the wiring and ground, or use a "
          + "lower --baud at both ends", .tryAgain)
    case .peer(.aborted):
      return Failure("the \(other) stopped; \(again)", .tryAgain)
    case .peer(.done):
      return Failure(
        "the \(other) on \(port) has just ended another transfer; run both commands again",
        .tryAgain)
    case .peer(.refused), .peer(.misbehaved), .peer(.other), .peerMisbehaved:
      return Failure(
        "the \(other) on \(port) does not keep to the protocol (\(reason)); use the same version "
          + "of wtserial at both ends", .badProtocol)
    case .peerIncompatible(let minimum, let maximum):
      return Failure(
        "the \(other) on \(port) speaks protocol versions \(minimum) to \(maximum), this program "
          + "\(LinkConfiguration.protocolVersion); update the older one", .badProtocol)
    case .local: return Failure("stopped", .interrupted)
    }
  }

  private var again: String {
    (verb == .send || verb == .receive ? "run both commands again" : "run the command again")
      + (isResumable ? "; the transfer goes on where it was" : "")
  }

  /// The likely cause where a server negotiates on a raw connection.
  static let telnet =
    "what comes in are commands of Telnet (IAC, 0xFF), as a server of RFC 2217 gives: use rfc2217:// "
    + "instead of tcp://, or configure the server for bytes as they are, as ser2net by `tcp`"

  private func noAnswer(_ port: String) -> Failure {
    var sentence = "no receiver answers on \(port) at \(baudRate) baud within \(timeout) s; "
    if statistics.framesEchoed > 0 {
      sentence +=
        "what comes in is what a sender sends: TX and RX are joined, the other end echoes, or "
        + "`wtserial send` runs there, too"
    } else if soundsLikeTelnet {
      sentence += Self.telnet
    } else if statistics.wireBytesReceived > 0 {
      sentence +=
        "what comes in makes no sense: check that both ends use the same --baud and that "
        + "nothing but `wtserial receive` or the board talks there"
    } else {
      sentence +=
        "nothing came in: check the wiring, that `wtserial receive` or the board runs, and that both "
        + "ends use the same --baud"
    }
    return Failure(sentence, .unavailable)
  }

  private func noSender(_ port: String) -> Failure {
    let found =
      if soundsLikeTelnet {
        Self.telnet
      } else if statistics.wireBytesReceived > 0 {
        "what comes in makes no sense: check that both ends use the same --baud and that "
          + "nothing but `wtserial send` talks there"
      } else {
        "nothing came in: start `wtserial send` at the other end, at the same --baud"
      }
    return Failure(
      "no sender appeared on \(port) at \(baudRate) baud within \(timeout) s; \(found)",
      .unavailable)
  }

  private func refused(_ failure: ReceiverFailure) -> Failure {
    let text = printableText(failure.text)
    let words = text.isEmpty ? "" : ": \(text)"
    if verb == .pull || verb == .inspect, failure.code == .wrongModel {
      return Failure(
        "the receiver holds no such model, or cannot use it\(words); `wtserial info` shows what it "
          + "holds", .noInput)
    }
    if isOwnCheck(failure) {
      return Failure(
        "the board has tried the model, and it failed the board's own check; the one before is in use "
          + "again, if there was one; send a model that passes", .badModel)
    }
    return switch failure.code {
    case .noSpace:
      Failure(
        "the receiver has no room for the model\(words); free some there and run both commands again",
        .cannotCreate)
    case .wrongModel: wrongModel(failure, words)
    case .cannotStore:
      Failure(
        "the receiver cannot store the model\(words); mend that and run both commands again",
        .cannotCreate)
    case .verificationFailed:
      Failure("the model arrived damaged and was not taken\(words); send it again", .notVerified)
    case .badStream:
      Failure(
        "the receiver does not understand the stream\(words); use the same version of wtserial at "
          + "both ends", .badProtocol)
    case .aborted: Failure("the receiver stopped\(words); run both commands again", .tryAgain)
    }
  }

  /// A board has tried the model, and found it bad (Protocol.md §5.7).
  private func isOwnCheck(_ failure: ReceiverFailure) -> Bool {
    failure.code == .wrongModel && failure.text == Array("own check failed".utf8)
  }

  private func wrongModel(_ failure: ReceiverFailure, _ words: String) -> Failure {
    let difference = offered.map { ModelMismatch(failure.text, $0).sentence } ?? ""
    let table =
      offered?.kind == .tensors
      ? "make the table of its firmware from this model with Scripts/model-table, or " : ""
    return Failure(
      "the receiver does not run this model\(words)\(difference.isEmpty ? "" : "; \(difference)"); "
        + "\(table)send the model it was built for", .badModel)
  }

  private static func notWritten(_ error: ModelWriterError) -> Failure {
    switch error {
    case .output(let error): Failure(error)
    case .layout(let error):
      Failure(
        "\(Failure(error, file: "on offer").sentence); safetensors cannot hold it", .badProtocol)
    case .content(let tensor):
      Failure("the content of \(tensor) is broken; send the model again", .notVerified)
    case .digest(let tensor?):
      Failure("the digest of \(tensor) does not fit; send the model again", .notVerified)
    case .digest(nil):
      Failure("the digest of the model does not fit; send it again", .notVerified)
    case .codedStream(let error):
      Failure(
        "the sender breaks the protocol: its coded stream cannot be read (\(error)); use the same "
          + "version of wtserial at both ends", .badProtocol)
    case .base:
      Failure(
        "the sender builds on a model that is not here any more; run both commands again", .tryAgain
      )
    case .incomplete:
      Failure(
        "the sender breaks the protocol: a content twice, or one missing; use the same version of "
          + "wtserial at both ends", .badProtocol)
    }
  }
}

/// Words of a peer or a file as a terminal may show them: no control characters.
func printableText(_ text: String) -> String {
  let scalars = text.unicodeScalars.filter { $0.properties.generalCategory != .control }
  return String(String.UnicodeScalarView(scalars))
}

/// The same for UTF-8 that nobody has checked.
func printableText(_ utf8: [UInt8]) -> String {
  printableText(String(decoding: utf8, as: UTF8.self))
}
