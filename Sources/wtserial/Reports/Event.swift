/// A line of `--json`: what happened, and the figures that belong to it.
///
/// `events.schema.json` describes these lines and those of other commands. It has a version; fields may
/// be added to it, and none changes its meaning.
struct Event: Encodable {
  static let schemaVersion = 2

  let event: Name
  /// Seconds since the command began.
  let time: Double
  let schema = Event.schemaVersion
  /// PORT as it was given, and the path of the device that it leads to at the moment.
  var port: String?
  /// The board's name, where a command sends to several.
  var board: String?
  var device: String?
  var baud: Int?
  var model: String?
  var out: String?
  var peer: String?
  var mtu: Int?
  var tensors: Int?
  /// The size of the tensors.
  var tensor_bytes: Int?
  /// Of those that are there already, tensors that go as differences from them.
  var differences: Int?
  /// Bytes of the stream that are through, and those that it is expected to have.
  var bytes: Int?
  var total_bytes: Int?
  /// What all of the model has reached: small, int2 … int8, fine, complete.
  var milestone: String?
  /// The signal-to-noise ratio that is expected there.
  var snr_db: Int?
  /// What the receiver has measured with it, and in which unit.
  var metric: String?
  var value: Double?
  var unit: String?
  /// Whether the output is that model now.
  var stored: Bool?
  /// Bytes on the wire, both ways.
  var wire_bytes_sent: UInt64?
  var wire_bytes_received: UInt64?
  var retransmissions: UInt64?
  /// Frames that a busy receiver was sent again, and none of them lost.
  var busy_repeats: UInt64?
  var corrupt_frames: UInt64?
  /// Stream bytes a second, and their share of the line's rate.
  var goodput: Double?
  var line_share: Double?
  var seconds: Double?
  var digest: String?
  var state: String?
  /// Whether the receiver held the model before.
  var unchanged: Bool?
  var message: String?
  var exit_code: Int32?
  /// Of several boards: how many there are, and the names of those that have no model now.
  var boards: Int?
  var failed: [String]?

  enum Name: String, Encodable {
    case resuming, kept, found, waiting, connected, began, milestone, metric, progress, notice,
      refused, done, error
    case summary
  }
}
