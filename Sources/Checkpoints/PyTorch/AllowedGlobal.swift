package import Tensors

/// What a name in a pickle may stand for; nothing behind any of these names is ever called.
///
/// The list is that of `torch.load(weights_only=True)` (`torch/_weights_only_unpickler.py`), and a
/// few inert types besides that checkpoints carry: default dictionaries, frozen sets and NumPy
/// scalars. A name that is not listed ends the reading.
package enum AllowedGlobal: Hashable, Sendable {
  // Containers.
  case orderedDict, counter, defaultDict, set, torchSize
  // Tensors.
  case rebuildTensor, rebuildTensorV2, rebuildTensorV3
  case rebuildParameter, rebuildParameterWithState, rebuildFromType, rebuildFromCPUTensor
  /// The constructor of a kind of tensor that is refused.
  case rebuildUnsupported(UnsupportedTensor)
  /// `torch.Tensor` and `Parameter`, as the type that `rebuildFromType` makes.
  case tensorType
  /// Nil for storages of bytes.
  case storage(DType?)
  /// The quantized types.
  case unsupportedStorage
  case dtype(DType)
  /// By PyTorch's name.
  case unsupportedDType(String)
  /// Makes a value in which nobody looks for tensors: a device, bytes, a complex number.
  case inert

  /// Looks a name up; protocol 2 has Python 2's names of modules.
  init?(module: String, name: String) {
    let found: AllowedGlobal? =
      switch module {
      case "collections": Self.collections(name)
      case "builtins", "__builtin__": Self.builtins(name)
      case "_codecs": name == "encode" ? .inert : nil
      case "torch": Self.torch(name)
      case "torch.cuda", "torch.storage": Self.storage(name)
      case "torch._utils": Self.rebuild(name)
      case "torch._tensor", "torch.tensor": name == "_rebuild_from_type_v2" ? .rebuildFromType : nil
      case "torch.nn.parameter": name == "Parameter" ? .tensorType : nil
      case "torch.serialization": name == "_get_layout" ? .inert : nil
      case "numpy": name == "dtype" ? .inert : nil
      case "numpy.core.multiarray", "numpy._core.multiarray": name == "scalar" ? .inert : nil
      default: nil
      }
    guard let found else { return nil }
    self = found
  }

  private static func collections(_ name: String) -> AllowedGlobal? {
    switch name {
    case "OrderedDict": .orderedDict
    case "Counter": .counter
    case "defaultdict": .defaultDict
    default: nil
    }
  }

  private static func builtins(_ name: String) -> AllowedGlobal? {
    switch name {
    case "set", "frozenset": .set
    // The last four are what a default dictionary makes its values with.
    case "complex", "bytearray", "list", "dict", "int", "float": .inert
    default: nil
    }
  }

  private static func rebuild(_ name: String) -> AllowedGlobal? {
    switch name {
    case "_rebuild_tensor": .rebuildTensor
    case "_rebuild_tensor_v2": .rebuildTensorV2
    case "_rebuild_tensor_v3": .rebuildTensorV3
    case "_rebuild_parameter": .rebuildParameter
    case "_rebuild_parameter_with_state": .rebuildParameterWithState
    case "_rebuild_device_tensor_from_cpu_tensor": .rebuildFromCPUTensor
    case "_rebuild_qtensor": .rebuildUnsupported(.quantized)
    case "_rebuild_sparse_tensor": .rebuildUnsupported(.sparse)
    case "_rebuild_nested_tensor": .rebuildUnsupported(.nested)
    case "_rebuild_meta_tensor_no_storage": .rebuildUnsupported(.meta)
    case "_rebuild_wrapper_subclass": .rebuildUnsupported(.wrapperSubclass)
    default: nil
    }
  }

  private static func torch(_ name: String) -> AllowedGlobal? {
    switch name {
    case "Size": .torchSize
    case "Tensor": .tensorType
    case "device", "per_tensor_affine", "per_tensor_symmetric", "per_channel_affine",
      "per_channel_symmetric", "per_channel_affine_float_qparams":
      .inert
    default: storage(name) ?? dtype(name)
    }
  }

  /// `torch.DoubleStorage` and its like, named after C's types.
  private static func storage(_ name: String) -> AllowedGlobal? {
    switch name {
    case "DoubleStorage": .storage(.f64)
    case "FloatStorage": .storage(.f32)
    case "HalfStorage": .storage(.f16)
    case "BFloat16Storage": .storage(.bf16)
    case "LongStorage": .storage(.i64)
    case "IntStorage": .storage(.i32)
    case "ShortStorage": .storage(.i16)
    case "CharStorage": .storage(.i8)
    case "ByteStorage": .storage(.u8)
    case "BoolStorage": .storage(.bool)
    case "ComplexDoubleStorage": .storage(.c128)
    case "ComplexFloatStorage": .storage(.c64)
    case "UntypedStorage": .storage(nil)
    case "QInt8Storage", "QUInt8Storage", "QInt32Storage", "QUInt4x2Storage", "QUInt2x4Storage":
      .unsupportedStorage
    default: nil
    }
  }

  private static func dtype(_ name: String) -> AllowedGlobal? {
    switch name {
    case "quint8", "qint8", "qint32", "quint4x2", "quint2x4", "bits8", "bits16", "bits1x8",
      "bits2x4", "bits4x2", "int1", "int2", "int3", "int4", "int5", "int6", "int7", "uint1",
      "uint2",
      "uint3", "uint4", "uint5", "uint6", "uint7":
      .unsupportedDType(name)
    default: DType.allCases.first { String(describing: $0.name) == name }.map { .dtype($0) }
    }
  }
}
