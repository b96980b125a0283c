import Checkpoints
import SystemPackage

extension Failure {
  /// The sentence for a file that cannot be sent.
  init(_ error: CheckpointError) {
    switch error {
    case .system(_, .noSuchFileOrDirectory), .system(_, .notDirectory):
      self.init("there is no such model file; check the path", .noInput)
    case .system(_, .permissionDenied), .system(_, .notPermitted):
      self.init("you may not read the model file; check its permissions", .noPermission)
    case .system(let operation, let errno):
      self.init("cannot \(operation) the model file: \(errno)", .ioError)
    case .notARegularFile(let kind):
      self.init("the model is a \(kind), not a file; give the path of a file", .noInput)
    case .changedWhileReading:
      self.init(
        "the model file changed while it was being sent; send it again when it is complete",
        .tryAgain)
    default: self.init("bad model file: \(Self.reason(error))", .badModel)
    }
  }

  private static func reason(_ error: CheckpointError) -> String {
    switch error {
    case .emptyFile: "it is empty"
    case .limitExceeded(let limit, let found, let maximum):
      "its \(limit) is \(found), at most \(maximum) is allowed"
    case .unrecognized(let format):
      "it is named or begins like a \(format.sentenceName) and is none; it may be damaged"
    case .truncated(let offset): "it ends before what must stand at byte \(offset); copy it again"
    case .malformedSafetensors(let fault, let offset):
      "safetensors header, byte \(offset): \(fault)"
    case .malformedZip(let fault): "zip archive: \(fault); it may be damaged, copy it again"
    case .malformedPickle(let fault, let offset): "pickle, byte \(offset): \(fault)"
    case .malformedTensor(let fault, let offset): "tensor described at byte \(offset): \(fault)"
    case .forbiddenGlobal(let module, let name, let offset):
      "its pickle calls \(module).\(name) (byte \(offset)), which no checkpoint needs; nothing was "
        + "run; do not trust this file"
    case .forbiddenOpcode(let opcode, let offset):
      "its pickle uses opcode \(opcode) (byte \(offset)), which no checkpoint needs"
    case .pickledModule(let module, let name, _):
      "it holds a whole \(module).\(name); save model.state_dict() instead"
    case .torchScriptArchive: "it is a TorchScript archive; save model.state_dict() instead"
    case .pyTorchTarArchive: "it is in a format of before PyTorch 0.2; load and save it again"
    case .unsupportedTensor(let name, let kind):
      "tensor \(name) is \(kind), which has no plain bytes; leave it out or convert it"
    case .unnameableTensor(let path): "a tensor below \(path) has no name; save a dict by names"
    case .missingStorage(let key): "the data of storage \(key) are missing; copy it again"
    case .storageTooShort(let key, let declared, let found):
      "storage \(key) has \(found) bytes instead of \(declared); copy it again"
    case .duplicateName(let name): "two tensors are called \(name)"
    case .invalidName(let name): "a tensor's name is not valid: \(printableText(name))"
    case .system, .notARegularFile, .changedWhileReading: "\(error)"
    }
  }
}
