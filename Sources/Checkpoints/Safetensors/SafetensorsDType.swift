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
/// With such an entry `loaded.view(dtype)` is the tensor; for the complex types `.squeeze(-1)`
/// follows. All other types are stored under the format's own names.
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
    case .c32, .c128:
      self.init(Self.name(of: dtype), shape.extents + [2], needsEntry: true)
    case .f4e2m1fnx2:
      let doubled = shape.extents.last?.multipliedReportingOverflow(by: 2)
      if let doubled, !doubled.overflow {
        self.init(Self.name(of: dtype), shape.extents.dropLast() + [doubled.partialValue])
      } else {
        self.init(Self.name(of: .u8), shape.extents, needsEntry: true)
      }
    case .f32, .f64, .f16, .bf16, .f8e4m3fn, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz, .f8e8m0fnu, .i8,
      .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool, .c64:
      self.init(Self.name(of: dtype), shape.extents)
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
    if name == Self.name(of: .f4e2m1fnx2) {
      guard let last = extents.last, last.isMultiple(of: 2) else { return nil }
      return TensorShape(extents.dropLast() + [last / 2]).map { (.f4e2m1fnx2, $0) }
    }
    let plain = DType.allCases.first { !Self.mapped.contains($0) && Self.name(of: $0) == name }
    guard let plain else { return nil }
    return TensorShape(extents).map { (plain, $0) }
  }

  private func tensor(named dtypeName: String) -> (dtype: DType, shape: TensorShape)? {
    for dtype in Self.mapped where String(describing: dtype.name) == dtypeName {
      guard let shape = TensorShape(dtype == .f4e2m1fnx2 ? extents : extents.dropLast()),
        case let stored = SafetensorsDType(storing: dtype, shape),
        stored.name == name, stored.extents == extents, stored.needsEntry
      else { return nil }
      return (dtype, shape)
    }
    return nil
  }

  /// The types that are not stored under a name and a shape of their own.
  private static let mapped: [DType] = [.c32, .c128, .f4e2m1fnx2]

  /// The format's name of a type, or of the numbers that it is made of.
  ///
  /// Source: `Dtype` in the reference implementation's `tensor.rs`; all of them load and save with
  /// its version 0.8.
  private static func name(of dtype: DType) -> String {
    switch dtype {
    case .f32: "F32"
    case .f64, .c128: "F64"
    case .f16, .c32: "F16"
    case .bf16: "BF16"
    case .f8e4m3fn: "F8_E4M3"
    case .f8e5m2: "F8_E5M2"
    case .f8e4m3fnuz: "F8_E4M3FNUZ"
    case .f8e5m2fnuz: "F8_E5M2FNUZ"
    case .f8e8m0fnu: "F8_E8M0"
    case .f4e2m1fnx2: "F4"
    case .i8: "I8"
    case .i16: "I16"
    case .i32: "I32"
    case .i64: "I64"
    case .u8: "U8"
    case .u16: "U16"
    case .u32: "U32"
    case .u64: "U64"
    case .bool: "BOOL"
    case .c64: "C64"
    }
  }
}
