package import Checkpoints
internal import Streaming
internal import SystemPackage
package import Tensors
package import WeightCodec

/// Why a model that comes in cannot be taken or kept.
package enum ModelWriterError: Error, Equatable, Sendable {
  case output(OutputError)
  /// No file can be laid out for this manifest.
  case layout(CheckpointError)
  /// A content is not what its unit says: it does not unpack, or to another size.
  case content(tensor: TensorName)
  /// The coded stream is none.
  case codedStream(CodedStreamError)
  /// A digest does not fit; nil for that of the whole model.
  case digest(tensor: TensorName?)
  /// The model builds on another one, which is not here.
  case base
  /// The same content twice, or the end while one is missing.
  case incomplete
}

extension ModelWriterError {
  /// Whether the stream is to blame, and not this end's disk.
  var isOfStream: Bool {
    switch self {
    // What has come of another transfer is not to blame for a sender who builds on what is not here.
    case .output, .layout, .base: false
    case .content, .codedStream, .digest, .incomplete: true
    }
  }
}

extension ReceiverFailure {
  /// What the sender is told of an error of this end.
  init(_ error: ModelWriterError) {
    let code: Code
    switch error {
    case .output(let output): code = output.errno == .noSpace ? .noSpace : .cannotStore
    case .layout, .base: code = .wrongModel
    case .content, .digest: code = .verificationFailed
    case .codedStream, .incomplete: code = .badStream
    }
    self.init(code, text: Array(Self.words(for: error).utf8))
  }

  /// What is told beside the code; for the sender's user, so no names of types.
  private static func words(for error: ModelWriterError) -> String {
    switch error {
    case .output(let error): "\(error.path): \(error.errno)"
    case .content(let tensor), .digest(let tensor?): "\(tensor)"
    case .base: "what the model builds on is not here"
    case .layout, .codedStream, .digest(nil), .incomplete: ""
    }
  }
}
