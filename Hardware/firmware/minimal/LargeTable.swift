public import Device

/// The table of large.safetensors, written by `Scripts/model-table`.
public struct LargeTable: ModelTable {
  private static let bytes: InlineArray<15, UInt8> = [
    0x02, 0x0d, 0x00, 0x00, 0x06, 0x77, 0x65, 0x69, 0x67, 0x68, 0x74, 0x01, 0x02, 0x40, 0x40,
  ]

  /// There is but one.
  public init() {}

  /// Bytes of all the records.
  public var byteCount: Int { Self.bytes.count }

  /// One of these bytes.
  ///
  /// Out of line, or each caller gets a copy of the table.
  @inline(never)
  public func byte(at offset: Int) -> UInt8 { Self.bytes[offset] }
}
