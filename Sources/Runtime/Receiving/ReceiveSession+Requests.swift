internal import Checkpoints
package import LinkLayer
package import Streaming
internal import SystemPackage
internal import Transfer

/// Models on request: fetched from one who holds it, and given to one who wants it.
extension ReceiveSession {
  /// Fetches a model over a link, of which this end is the initiator; the one in use where no digest is given.
  ///
  /// - Throws: `SessionError`, and what the loop throws.
  package func fetch(
    _ digest: Digest?, over link: consuming Link, _ info: ReceiverInfo, _ loop: inout TransferLoop
  ) throws -> TransferResult {
    var info = info
    holdings.describe(&info)
    wanted = digest
    let machine = ReceiveTransfer(fetchingOver: link, info: info, at: MonotonicClock.now)
    guard let result = try run(machine, &loop) else {
      throw SessionError.ended(.linkClosed(.peer(.done)))
    }
    return result
  }

  /// Says which model is wanted.
  func fetch(from info: ReceiverInfo, _ machine: inout ReceiveTransfer) {
    tell(.giverFound(info))
    machine.fetch(
      FetchRequest(wanted, behind: machine.info.unfinished?.byteCount ?? 0, by: machine.info))
  }

  /// Sends the model that is here to one who has asked for it.
  func give(
    _ request: FetchRequest, _ machine: consuming SendTransfer, _ loop: inout TransferLoop
  ) throws -> TransferResult? {
    guard let held = holdings.held else { return nil }
    let session = try SendSession(
      Checkpoint(opening: held.path), named: held.path.lastComponent?.string ?? "",
      SendPolicy(), tell: tell)
    do {
      tell(.gave(try session.give(to: request.taker, machine, &loop)))
    } catch let error as SessionError {
      // The other end knows better what it wants to do about it.
      tell(.notGiven(error))
    }
    return nil
  }
}
