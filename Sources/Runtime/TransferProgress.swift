package import LinkLayer
package import Streaming
package import Transfer

/// What a session tells those who watch it.
package enum TransferNews {
  /// A peer is there; the receiver's own words where this end sends.
  case connected(PeerLimits, ReceiverInfo?)
  /// The peer has fallen silent, or was reset; it is looked for.
  case interrupted
  /// It is back, and the transfer goes on.
  case resumed
  /// The line runs at another rate now.
  case rateChanged(UInt32)
  /// The transfer goes on where an earlier one has ended, with so many bytes of the stream.
  case goesOn(byteCount: Int)
  /// So many bytes of another transfer are given up, since this one is of another model.
  case startsOver(byteCount: Int)
  /// The model takes something over from one that the receiver holds.
  case kept(Manifest.Takeover)
  /// The model that this end holds was sent to somebody who had asked for it.
  case gave(TransferResult)
  /// It was asked for, and did not get there.
  case notGiven(SessionError)
  /// Who holds a model has said what it is.
  case giverFound(ReceiverInfo)
  /// The receiver holds another model than the one that was named.
  case baseIsAnother
  /// What comes is not kept for another session.
  case notKept(OutputError)
  /// The model is known and taken.
  case began(Manifest)
  /// All of the model has come so far, with so many bytes of the stream; where this end receives,
  /// whether the output has it now.
  case reached(Milestone, byteCount: Int, isStored: Bool)
  /// The receiver has measured something with what it has.
  case measured(Metric)
  /// The output has been replaced by what has come since the last milestone.
  case improved
  /// The output could not be replaced; what has come is not lost, and the transfer goes on.
  case notStored(OutputError)
  /// The receiver gets something else than was asked for, since it takes nothing else.
  case substituted(SendPolicy.Substitution)
  /// Called several times a second.
  case progress(TransferProgress)
  /// These tensors were to be quantized and go exactly, since they hold a NaN or an infinity.
  case notQuantized([Int])
}

/// How far a transfer is.
package struct TransferProgress: Sendable {
  /// Bytes of the stream that are through.
  package var byteCount: Int
  /// Those of them that earlier sessions have brought.
  package var resumedByteCount = 0
  /// Bytes that the whole stream is expected to have.
  package var byteTotal: Int
  /// How far all of the model is.
  package var tier: Milestone.Tier?
  /// Since the session was opened.
  package var elapsed: Interval
  /// The rate of the line, in bits a second.
  package var baudRate: UInt32
  package var statistics: LinkStatistics
  /// Bytes of the stream that the next frame carries, where this end sends.
  package var segmentByteCount: Int?
  /// How long an answer is waited for, the times on the wire left out, where this end sends.
  package var retransmissionTimeout: Interval?
}

/// What a transfer came to.
package struct TransferResult: Sendable {
  /// Whether the receiver held the model before, and nothing was sent.
  package var isUnchanged = false
  package var manifest: Manifest
  package var digest: Digest
  package var progress: TransferProgress
}

/// Why a session ended without its model.
package enum SessionError: Error, Equatable {
  case ended(TransferOutcome)
  /// Nobody has begun to send within the time given.
  case noSender
  /// The receiver has one place for a model, and what it uses would have to go.
  case noSlots
  /// The receiver has less room than the model takes.
  case modelTooLarge(byteCount: Int, limit: Int)
  /// The receiver claims to have verified a model with another digest.
  case digestMismatch
  /// What came in cannot be taken or kept.
  case writer(ModelWriterError)
}
