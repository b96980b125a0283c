public import LinkLayer
public import Streaming

/// How a transfer ended.
public enum TransferOutcome: Equatable, Sendable {
  /// The receiver holds the model and has verified it.
  case completed
  /// The receiver gave up, for the reason it names.
  case receiverFailed(ReceiverFailure)
  /// The link ended before the transfer did.
  case linkClosed(CloseReason)
  /// The peer's records break the rules: the offending one is named.
  case brokenStream(RecordError)
}
