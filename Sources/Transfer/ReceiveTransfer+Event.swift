public import LinkLayer
public import Streaming

extension ReceiveTransfer {
  /// What the caller has to know.
  public enum Event: Equatable, Sendable {
    /// A session is open.
    case connected(PeerLimits)
    /// The sender has fallen silent: it is waited for.
    case interrupted
    /// It is back, and the transfer goes on where it was.
    case resumed
    /// Which tensors are held whose digests begin so?
    case compared([DigestPrefix])
    /// The sender's model is the one that is held, of this digest.
    case unchanged(Digest)
    /// What is held? Call `tell(_:)`.
    case listed
    /// The model of this digest is to be used: call `confirm(_:)` or `fail(_:)`.
    case activated(Digest)
    /// The model that was in use before is to be used: call `confirm(_:)` or `fail(_:)`.
    case rolledBack
    /// A model that is held is to be sent: this machine has ended, and `SendTransfer(giving:)` goes on, or
    /// `fail(_:)` says that there is none.
    case fetched(FetchRequest)
    /// Who holds a model has said what it is: call `fetch(_:)`.
    case giverReady(ReceiverInfo)
    /// A model is on offer.
    case offered(Manifest)
    /// The content of a tensor begins.
    case unitBegan(Unit)
    /// So many bytes of it are there.
    case content(byteCount: Int)
    /// It is complete, and should have this digest.
    case unitEnded(Digest)
    /// So many bytes of the coded stream are there.
    case coded(byteCount: Int)
    /// All of the model has come so far; the coded stream's codeword ends here.
    case milestone(Milestone)
    /// The model is complete, and should have this digest.
    case finished(Digest)
    /// It is over.
    case ended(TransferOutcome)
  }
}
