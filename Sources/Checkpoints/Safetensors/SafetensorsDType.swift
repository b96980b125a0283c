import Tensors

/// How a tensor stands in a safetensors file.
///
/// The format has no complex numbers of 16 and 64 bits, and PyTorch counts pairs of 4-bit floats
/// where the format counts floats. So that `safetensors.torch.load_file` loads every file:
///
/// | tensor | stored as | entry in `__metadata__` |
/// | --- | --- | --- |
/// | complex128 | `F64`, one more extent of 2 at the end | `wtserial.dtype.NAME` = `complex128` |
/// | complex32 | `F16`, one more extent of 2 at the end | `wtserial.dtype.NAME` = `complex32` |
/// | float4_e2m1fn_x2 | `F4`, the last extent doubled | none: it loads as what it is |
/// | float4_e2m1fn_x2, 0-dimensional | `U8` | `wtserial.dtype.NAME` = `float4_e2m1fn_x2` |
///
/// With such an entry `loaded.view(dtype)` is the tensor; for the complex types `.squeeze(-1)` follows.
/// All other types are stored under the format's own names.
struct SafetensorsDType: Equatable {
  /// The key of the entry about a tensor is this and its name.
  static let metadataPrefix = "wtserial.dtype."

  /// The format's name of the type.
  let name: String
  let extents: [Int]
  /// Whether the metadata have to say what the tensor really is.
  let needsEntry: Bool

  /// How a tensor is written.
  init(storing dtype: DType, _ shape: TensorShape) {
    switch dtype {
    case .c32: self.init("F16", shape.extents + [2], needsEntry: true)
    case .c128: self.init("F64", shape.extents + [2], needsEntry: true)
    case .f4e2m1fnx2:
      let doubled = shape.extents.last?.multipliedReportingOverflow(by: 2)
      if let doubled, !doubled.overflow {
        self.init("F4", shape.extents.dropLast() + [doubled.partialValue])
      } else {
        self.init("U8", shape.extents, needsEntry: true)
      }
    case .f32, .f64, .f16, .bf16, .f8e4m3fn, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz, .f8e8m0fnu, .i8,
      .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool, .c64:
      self.init(Self.names[dtype] ?? "", shape.extents)
    }
  }

  /// What is found in a file.
  init(_ name: String, _ extents: [Int], needsEntry: Bool = false) {
    self.name = name
    self.extents = extents
    self.needsEntry = needsEntry
  }

  /// The tensor that is stored like this; `entry` is what the metadata say about it, if they do.
  ///
  /// An entry that does not fit what is stored is nobody's that we know, and means nothing.
  func tensor(entry: String?) -> (dtype: DType, shape: TensorShape)? {
    if let entry, let tensor = tensor(named: entry) { return tensor }
    if name == "F4" {
      guard let last = extents.last, last.isMultiple(of: 2) else { return nil }
      return TensorShape(extents.dropLast() + [last / 2]).map { (.f4e2m1fnx2, $0) }
    }
    guard let dtype = Self.names.first(where: { $0.value == name })?.key else { return nil }
    return TensorShape(extents).map { (dtype, $0) }
  }

  private func tensor(named dtypeName: String) -> (dtype: DType, shape: TensorShape)? {
    for dtype in [DType.c32, .c128, .f4e2m1fnx2] where String(describing: dtype.name) == dtypeName {
      guard let shape = TensorShape(dtype == .f4e2m1fnx2 ? extents : extents.dropLast()),
        case let stored = SafetensorsDType(storing: dtype, shape),
        stored.name == name, stored.extents == extents, stored.needsEntry
      else { return nil }
      return (dtype, shape)
    }
    return nil
  }

  /// The types that are stored as they are.
  ///
  /// Source: `Dtype` in the reference implementation's
  /// `tensor.rs`; all of them load and save with its version 0.8.
  private static let names: [DType: String] = [
    .f32: "F32", .f64: "F64", .f16: "F16", .bf16: "BF16", .f8e4m3fn: "F8_E4M3",
    .f8e5m2: "F8_E5M2", .f8e4m3fnuz: "F8_E4M3FNUZ", .f8e5m2fnuz: "F8_E5M2FNUZ",
    .f8e8m0fnu: "F8_E8M0", .i8: "I8", .i16: "I16", .i32: "I32", .i64: "I64", .u8: "U8",
    .u16: "U16", .u32: "U32", .u64: "U64", .bool: "BOOL", .c64: "C64",
  ]
}
