/// The element type of a tensor, named as in PyTorch; the raw values are the codes on the wire
/// (Protocol.md, table "dtype").
public enum DType: UInt8, CaseIterable, Sendable {
  case f32 = 1
  case f64 = 2
  case f16 = 3
  case bf16 = 4
  case f8e4m3fn = 5
  case f8e5m2 = 6
  case f8e4m3fnuz = 7
  case f8e5m2fnuz = 8
  case f8e8m0fnu = 9
  /// Two 4-bit floats to a byte: the element is the pair.
  case f4e2m1fnx2 = 10
  case i8 = 16
  case i16 = 17
  case i32 = 18
  case i64 = 19
  case u8 = 24
  case u16 = 25
  case u32 = 26
  case u64 = 27
  case bool = 32
  /// Complex of two f16, real part first.
  case c32 = 40
  case c64 = 41
  case c128 = 42

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .f8e4m3fn, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz, .f8e8m0fnu, .f4e2m1fnx2, .i8, .u8, .bool: 1
    case .f16, .bf16, .i16, .u16: 2
    case .f32, .i32, .u32, .c32: 4
    case .f64, .i64, .u64, .c64: 8
    case .c128: 16
    }
  }

  /// Whether the quantizers take this type: IEEE 754 binary16, 32, 64, and bfloat16.
  public var isQuantizable: Bool {
    switch self {
    case .f32, .f64, .f16, .bf16: true
    case .f8e4m3fn, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz, .f8e8m0fnu, .f4e2m1fnx2, .i8, .i16, .i32,
      .i64, .u8, .u16, .u32, .u64, .bool, .c32, .c64, .c128:
      false
    }
  }

  /// PyTorch's name without the `torch.` before it, such as `bfloat16`.
  public var name: StaticString {
    switch self {
    case .f32: "float32"
    case .f64: "float64"
    case .f16: "float16"
    case .bf16: "bfloat16"
    case .f8e4m3fn: "float8_e4m3fn"
    case .f8e5m2: "float8_e5m2"
    case .f8e4m3fnuz: "float8_e4m3fnuz"
    case .f8e5m2fnuz: "float8_e5m2fnuz"
    case .f8e8m0fnu: "float8_e8m0fnu"
    case .f4e2m1fnx2: "float4_e2m1fn_x2"
    case .i8: "int8"
    case .i16: "int16"
    case .i32: "int32"
    case .i64: "int64"
    case .u8: "uint8"
    case .u16: "uint16"
    case .u32: "uint32"
    case .u64: "uint64"
    case .bool: "bool"
    case .c32: "complex32"
    case .c64: "complex64"
    case .c128: "complex128"
    }
  }
}

extension DType {
  /// Floats of 8 bits and fewer, which go as they are.
  public var isNarrowFloat: Bool {
    switch self {
    case .f8e4m3fn, .f8e5m2, .f8e4m3fnuz, .f8e5m2fnuz, .f8e8m0fnu, .f4e2m1fnx2: true
    case .f32, .f64, .f16, .bf16, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .bool, .c32, .c64,
      .c128:
      false
    }
  }
}
