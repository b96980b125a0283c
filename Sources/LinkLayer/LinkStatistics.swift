/// What has happened on a link since it was made; counters only ever grow.
public struct LinkStatistics: Equatable, Sendable {
  /// Nothing yet.
  public init() {}

  /// Frames handed out for transmission, of all kinds.
  public internal(set) var framesSent: UInt64 = 0
  /// Bytes handed out, delimiters included.
  public internal(set) var wireBytesSent: UInt64 = 0
  /// Bytes taken in, whatever they were.
  public internal(set) var wireBytesReceived: UInt64 = 0
  /// Frames of this session taken in.
  public internal(set) var framesReceived: UInt64 = 0
  /// Runs of bytes between delimiters that were no frame of this session.
  public internal(set) var framesCorrupt: UInt64 = 0
  /// Frames of this end that came back, as on a two-wire line or from a terminal that echoes.
  public internal(set) var framesEchoed: UInt64 = 0
  /// Data frames that brought nothing new.
  public internal(set) var framesDuplicate: UInt64 = 0
  /// Data frames sent again because they were lost, or seemed to be.
  public internal(set) var retransmissions: UInt64 = 0
  /// Data frames sent again because the peer had no room for them, or did not listen, and said so.
  public internal(set) var busyRepeats: UInt64 = 0
  /// Frames that were put right by their parity.
  public internal(set) var framesCorrected: UInt64 = 0
  /// Bytes that were wrong in them.
  public internal(set) var bytesCorrected: UInt64 = 0
  /// Retransmission timers that ran out.
  public internal(set) var timeouts: UInt64 = 0
  /// Bytes of the stream that the peer has acknowledged.
  public internal(set) var bytesAcknowledged: UInt64 = 0
  /// Bytes of the peer's stream taken in, each once.
  public internal(set) var bytesDelivered: UInt64 = 0
}
