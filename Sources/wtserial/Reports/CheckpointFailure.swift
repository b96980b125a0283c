import Checkpoints
import SystemPackage

extension Failure {
  /// The sentence for a file that cannot be sent, by the name that the user gave.
  init(_ error: CheckpointError, file: String) {
    switch error {
    case .system(_, .noSuchFileOrDirectory), .system(_, .notDirectory):
      self.init("there is no file \(file); check the path", .noInput)
    case .system(_, .permissionDenied), .system(_, .notPermitted):
      self.init("you may not read \(file); check its permissions", .noPermission)
    case .system(let operation, let errno):
      self.init(
        "cannot \(operation.sentenceName) \(file): \(errno); try again or copy it", .ioError)
    case .notARegularFile(let kind):
      self.init("\(file) is \(kind.sentenceName); give the path of a file", .noInput)
    case .changedWhileReading:
      self.init(
        "\(file) changed while it was being sent; send it again when it is complete", .tryAgain)
    default: self.init("bad model file \(file): \(Self.reason(error))", .badModel)
    }
  }

  private static func reason(_ error: CheckpointError) -> String {
    switch error {
    case .emptyFile: "it is empty"
    case .limitExceeded(.headerByteCount, let found, let maximum):
      "a safetensors file begins with 8 bytes that tell the length of its header, and these say "
        + "\(found), with \(maximum) allowed; it is another kind of file, or damaged"
    case .limitExceeded(let limit, let found, let maximum):
      "it has \(found == .max ? "far too many" : "\(found)") \(limit.sentenceName), at most \(maximum) are allowed"
    case .unrecognized(let format):
      "it is named or begins like a \(format.sentenceName) and is none; it may be damaged"
    case .truncated(let offset): "it ends before what must stand at byte \(offset); copy it again"
    case .safetensorsHeaderCutOff(let found, let needed):
      "it has \(countText(found, "byte")), fewer than its safetensors header of at least \(needed), "
        + "which is 8 bytes of length, then JSON; copy it again"
    case .malformedSafetensors(let fault, let offset):
      "safetensors header, byte \(offset): \(fault.sentence)"
    case .malformedZip(let fault):
      "zip archive: \(fault.sentence); it may be damaged, copy it again"
    case .malformedPickle(let fault, let offset): "pickle, byte \(offset): \(fault.sentence)"
    case .malformedTensor(let fault, let offset):
      "tensor described at byte \(offset): \(fault.sentence)"
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
      "tensor \(name) is \(kind.sentence)"
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
