public import LinkLayer
public import Streaming

extension SendTransfer {
  /// What the caller has to know.
  public enum Event: Equatable, Sendable {
    /// A session is open, and the transfer begins; again where the receiver was reset.
    case connected(PeerLimits)
    /// The receiver has fallen silent, or was reset: it is looked for.
    case interrupted
    /// It was found, and the transfer goes on where it was.
    case resumed
    /// The receiver has said what it is: offer it a model.
    case receiverReady(ReceiverInfo)
    /// The receiver holds these of the tensors that were compared.
    case held([Bool])
    /// It holds these models.
    case listed(Listing)
    /// The receiver takes the model.
    case accepted
    /// The receiver has measured something with what it has of the model.
    case measured(Metric)
    /// The receiver has verified the model with this digest.
    case verified(Digest)
    /// It is over.
    case ended(TransferOutcome)
  }
}
