package import SystemPackage

/// Why a file is no checkpoint that can be sent; one case for each cause.
///
/// Offsets named `at` count from the start of the file, in zip archives from the start of the
/// pickle in them: what `python -m pickletools` prints for either.
package enum CheckpointError: Error, Equatable, Sendable {
  /// The operating system refused, for example with `.noSuchFileOrDirectory`.
  case system(FileOperation, Errno)
  /// Only regular files can be mapped; nothing else is even opened.
  case notARegularFile(FileKind)
  case emptyFile
  /// Size or modification time differ from those at opening: somebody writes to the file.
  case changedWhileReading
  /// `found` is `Int.max` where it does not fit.
  case limitExceeded(CheckpointLimit, found: Int, limit: Int)

  /// The file's name or its first bytes promise this format, and the rest does not keep it.
  case unrecognized(expected: CheckpointFormat)
  /// What must stand at this offset goes beyond the end.
  case truncated(at: Int)
  /// The file ends before its safetensors header does, which takes `needed` bytes at least.
  case safetensorsHeaderCutOff(found: Int, needed: Int)
  case malformedSafetensors(SafetensorsFault, at: Int)
  case malformedZip(ZipFault)
  case malformedPickle(PickleFault, at: Int)
  case malformedTensor(TensorFault, at: Int)

  /// The pickle names a function or class that is not on the list of those a checkpoint needs.
  case forbiddenGlobal(module: String, name: String, at: Int)
  case forbiddenOpcode(UInt8, at: Int)
  /// The file holds a whole `torch.nn.Module`, code by name included, instead of its state.
  case pickledModule(module: String, name: String, at: Int)
  case torchScriptArchive
  /// The tar format of PyTorch before 0.2.
  case pyTorchTarArchive

  /// The tensor exists and is of a kind that has no plain row-major bytes.
  case unsupportedTensor(name: String, UnsupportedTensor)
  /// A tensor is found in a set, or below a key that is neither text nor an integer: the "?" in
  /// `path`.
  case unnameableTensor(path: String)
  /// The data of a storage are not in the file.
  case missingStorage(key: String)
  case storageTooShort(key: String, declared: Int, found: Int)

  /// Two tensors, or two entries of the metadata, of a file to be written have the same name.
  case duplicateName(String)
  /// The name of a tensor to be written is not UTF-8, or is reserved by the format.
  case invalidName([UInt8])
}

/// The system call that failed.
package enum FileOperation: Sendable {
  case stat, open, map
}

/// A kind of file that is no checkpoint.
package enum FileKind: Sendable {
  case directory, fifo, socket, characterDevice, blockDevice, other
}

/// What is wrong in a safetensors header.
package enum SafetensorsFault: Equatable, Sendable {
  /// The header is not JSON, or not of the shape that the format demands.
  case syntax
  case duplicateKey(String)
  case unknownDType(String)
  case missingField(String)
  /// The shape times the size of an element is not the length of the data.
  case sizeMismatch(String)
  /// The data of this tensor do not begin where those before it end.
  case overlapOrHole(String)
  /// The data end before, or after, the end of the file.
  case dataSizeMismatch(declared: Int, found: Int)
}

/// What is wrong with a zip archive.
package enum ZipFault: Equatable, Sendable {
  /// libzip's number of an error (`zip_errors(3)`) about the archive as a whole.
  case archive(code: Int)
  /// The same about one entry, for example 7 for a wrong CRC.
  case entry(String, code: Int)
  case duplicateEntry(String)
  case missingEntry(String)
  case encryptedEntry(String)
  case unsupportedCompression(String, method: Int)
  /// Directory and local header disagree about where the data are.
  case inconsistentEntry(String)
  /// The `byteorder` record says neither `little` nor `big`.
  case unknownByteOrder
}

/// What is wrong in a pickle.
package enum PickleFault: Equatable, Sendable {
  case unsupportedProtocol(UInt8)
  case stackUnderflow
  case missingMark
  case unknownMemo(Int)
  case invalidText
  case integerTooLarge
  /// The operand of an opcode is not of the kind that the opcode works on.
  case wrongOperand(PickleOpcode)
  /// The arguments of a known constructor are not those that PyTorch writes.
  case wrongArguments(AllowedGlobal)
  case invalidPersistentID
  /// Not the values that the legacy format begins with.
  case notACheckpoint
}

/// What is wrong with the description of a tensor in a pickle.
package enum TensorFault: Error, Equatable, Sendable {
  case invalidShape
  case invalidStrides
  case outsideStorage
  case storageRedeclared
}

/// A kind of tensor that has no plain row-major bytes.
package enum UnsupportedTensor: Hashable, Sendable {
  case quantized, sparse, nested, meta
  /// A subclass that keeps its data elsewhere.
  case wrapperSubclass
  /// Values stored conjugated or negated; `resolve_conj()` and `resolve_neg()` make them plain.
  case lazyConjugateOrNegative
  /// Converted to another type while loading.
  case converted
  /// A type of element that has no code here, by PyTorch's name.
  case dtype(String)
  /// A storage without a tensor around it.
  case bareStorage
}
