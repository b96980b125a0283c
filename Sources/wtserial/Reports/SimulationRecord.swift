import ArgumentParser
import LineModel
import LinkLayer
import Runtime
import Transfer

/// The JSON object of `simulate`.
///
/// It has no time: the same simulation gives the same line again.
struct SimulationRecord: Encodable {
  let event = "simulation"
  let schema = Event.schemaVersion
  let outcome: String
  let message: String?
  let exit_code: Int32
  let goodput_share: Double
  let payload_bytes: Int
  let virtual_seconds: Double
  /// Bytes on the wire from the sender, and from the receiver.
  let wire_bytes_forward: UInt64
  let wire_bytes_back: UInt64
  let frames: UInt64
  let frames_back: UInt64
  let retransmissions: UInt64
  let timeouts: UInt64
  let corrected_symbols: UInt64
  let corrected_frames: UInt64
  let wrong_bytes_delivered: Int
  let milestones: [Milestone]
  let settings: Settings

  struct Milestone: Encodable {
    let name: String
    let seconds: Double
    let bytes: Int
  }

  struct Settings: Encodable {
    let model: String?
    let bytes: Int?
    let precision: String?
    let quantizer: String?
    let bits: Int?
    let codec: String
    let baud: UInt32
    let half_duplex: Bool
    let latency_ms: Double
    let jitter_ms: Double
    let batch_ms: Double?
    let bit_error_rate: Double
    let drop_rate: Double
    let insert_rate: Double
    let duplicate_rate: Double
    let burst_rate: Double?
    let burst_length: Double?
    let fifo: Int?
    let window: Int
    let mtu: Int
    let error_correction: String
    let seed: UInt64
  }

  init(
    _ transfer: SimulatedTransfer, _ settings: SimulatedTransfer.Settings,
    _ source: SimulationReport.Source, _ contents: ContentOptions, _ failure: Failure?
  ) {
    outcome = Self.outcome(of: transfer.ending)
    message = failure?.sentence
    exit_code = failure?.exitCode.rawValue ?? 0
    goodput_share = transfer.goodputShare(baudRate: settings.line.baudRate)
    payload_bytes = transfer.payloadByteCount
    virtual_seconds = SimulationReport.seconds(transfer.end)
    wire_bytes_forward = transfer.sender.wireBytesSent
    wire_bytes_back = transfer.receiver.wireBytesSent
    frames = transfer.sender.framesSent
    frames_back = transfer.receiver.framesSent
    retransmissions = transfer.sender.retransmissions
    timeouts = transfer.sender.timeouts
    corrected_symbols = transfer.receiver.bytesCorrected
    corrected_frames = transfer.receiver.framesCorrected
    wrong_bytes_delivered = transfer.wrongByteCount
    milestones = transfer.milestones.map {
      Milestone(
        name: $0.name, seconds: SimulationReport.seconds($0.time), bytes: $0.byteCount)
    }
    self.settings = Settings(settings, source, contents)
  }

  /// One word for scripts.
  private static func outcome(of ending: SimulatedTransfer.Ending) -> String {
    switch ending {
    case .verified: "verified"
    case .unfinished: "unfinished"
    case .failed(.ended(.linkClosed(let reason))): outcome(of: reason)
    case .failed(.ended(.receiverFailed)), .failed(.writer): "receiver_failed"
    case .failed(.ended(.brokenStream)): "broken_stream"
    case .failed(.digestMismatch): "digest_mismatch"
    case .failed(.ended(.completed)), .failed(.noSender), .failed(.noSlots),
      .failed(.modelTooLarge):
      "failed"
    }
  }

  private static func outcome(of reason: CloseReason) -> String {
    switch reason {
    case .noAnswer: "no_answer"
    case .peerSilent: "peer_silent"
    case .peerReset: "peer_reset"
    case .lineUnusable: "line_unusable"
    case .peerIncompatible: "peer_incompatible"
    case .peerMisbehaved: "peer_misbehaved"
    case .local, .peer: "closed"
    }
  }
}

extension SimulationRecord.Settings {
  fileprivate init(
    _ settings: SimulatedTransfer.Settings, _ source: SimulationReport.Source,
    _ contents: ContentOptions
  ) {
    switch source {
    case .model(let name):
      (model, bytes) = (name, nil)
      (precision, codec) = (contents.precision.rawValue, contents.carrier.rawValue)
      (quantizer, bits) = (contents.quantizer?.rawValue, contents.bits)
    case .bytes(let count):
      (model, bytes) = (nil, count)
      (precision, codec) = (nil, CodecName.none.rawValue)
      (quantizer, bits) = (nil, nil)
    }
    let line = settings.line
    baud = line.baudRate
    half_duplex = settings.isHalfDuplex
    latency_ms = Double(line.latencyNanoseconds) / 1e6
    jitter_ms = Double(line.jitterNanoseconds) / 1e6
    batch_ms = line.batch.map { Double($0.timerNanoseconds) / 1e6 }
    bit_error_rate = line.bitErrorRate
    drop_rate = line.dropRate
    insert_rate = line.insertRate
    duplicate_rate = line.duplicateRate
    burst_rate = line.burst?.rate
    burst_length = line.burst?.meanByteCount
    if case .overruns(let byteCount) = line.receiver { fifo = byteCount } else { fifo = nil }
    window = settings.window
    mtu = settings.mtu
    error_correction = settings.usesCorrection ? "auto" : "off"
    seed = settings.seed
  }
}
