import Checkpoints

// What is wrong with a file, in the words of its owner: each reads on from "it is", "its … is" or a
// colon.

extension FileOperation {
  var sentenceName: String {
    switch self {
    case .stat: "look at"
    case .open: "open"
    case .map: "map"
    }
  }
}

extension FileKind {
  var sentenceName: String {
    switch self {
    case .directory: "a folder"
    case .fifo: "a pipe"
    case .socket: "a socket"
    case .characterDevice, .blockDevice: "a device"
    case .other: "no regular file"
    }
  }
}

extension CheckpointLimit {
  /// What there is too much of.
  var sentenceName: String {
    switch self {
    case .headerByteCount: "bytes of header"
    case .pickleByteCount: "bytes of pickle"
    case .opcodeCount: "pickle instructions"
    case .memoCount: "pickle memo entries"
    case .stackDepth: "values on the pickle stack"
    case .valueCount: "values"
    case .visitedValueCount: "values to look for tensors in"
    case .nestingDepth: "containers inside each other"
    case .tensorCount: "tensors"
    case .nameByteCount: "bytes in a tensor's name"
    case .tensorByteCount: "bytes of tensors for a file of its size"
    case .zipEntryCount: "zip entries"
    case .inflatedByteCount: "bytes after unpacking"
    case .integerByteCount: "bytes in a number"
    }
  }
}

extension SafetensorsFault {
  var sentence: String {
    switch self {
    case .syntax: "not the JSON that the format demands"
    case .duplicateKey(let key): "\(key) stands there twice"
    case .unknownDType(let name): "no type is called \(name)"
    case .missingField(let name): "\(name) is missing"
    case .sizeMismatch(let name): "type and shape of \(name) do not fit its data"
    case .overlapOrHole(let name): "the data of \(name) do not follow those before"
    case .dataSizeMismatch(let declared, let found):
      "it announces \(declared) bytes of data and the file has \(found)"
    }
  }
}

extension ZipFault {
  var sentence: String {
    switch self {
    case .archive(let code): "its directory cannot be read (libzip error \(code))"
    case .entry(let name, let code):
      "entry \(name) cannot be read (libzip error \(code))"
    case .duplicateEntry(let name): "entry \(name) is there twice"
    case .missingEntry(let name): "entry \(name) is missing"
    case .encryptedEntry(let name): "entry \(name) is encrypted"
    case .unsupportedCompression(let name, let method):
      "entry \(name) is packed by the unknown method \(method)"
    case .inconsistentEntry(let name):
      "the directory and entry \(name) contradict each other"
    case .unknownByteOrder: "its byte order is neither little nor big"
    }
  }
}

extension PickleFault {
  var sentence: String {
    switch self {
    case .unsupportedProtocol(let version): "protocol \(version) is unknown"
    case .stackUnderflow: "an instruction lacks its operands"
    case .missingMark: "an instruction lacks its mark"
    case .unknownMemo(let index): "memo entry \(index) was never made"
    case .invalidText: "a text is not valid"
    case .integerTooLarge: "a number is too large"
    case .wrongOperand: "an instruction has an operand of the wrong kind"
    case .wrongArguments: "a constructor has arguments that PyTorch never writes"
    case .invalidPersistentID: "a storage is not described as PyTorch does"
    case .notACheckpoint: "it is not one of PyTorch's; save the state dict by torch.save"
    }
  }
}

extension TensorFault {
  var sentence: String {
    switch self {
    case .invalidShape: "its shape is not possible"
    case .invalidStrides: "its strides are not possible"
    case .outsideStorage: "it reaches beyond its storage"
    case .storageRedeclared: "its storage is described elsewhere in another way"
    }
  }
}

extension UnsupportedTensor {
  /// What the tensor is, and how to make it an ordinary one.
  var sentence: String {
    switch self {
    case .quantized: "quantized; call dequantize() or int_repr() on it before saving"
    case .sparse: "sparse; call to_dense() on it before saving"
    case .nested: "nested; save its parts one by one"
    case .meta: "on the meta device, without any values; materialize it before saving"
    case .wrapperSubclass: "of a class that keeps its data elsewhere; save plain tensors"
    case .lazyConjugateOrNegative:
      "stored conjugated or negated; call resolve_conj() and resolve_neg() on it before saving"
    case .converted: "to be converted while loading; load and save it again with PyTorch"
    case .dtype(let name): "of type \(name), which cannot be sent; convert it"
    case .bareStorage: "a storage without a tensor; save a tensor instead"
    }
  }
}
