package import Tensors

/// The plan of a safetensors file to be written: its header, and where each tensor's data go.
///
/// Create the file with `byteCount` bytes, write `header` at its beginning and tensor `i` at
/// `dataOffsets[i]`, in any order: contiguous, row-major, little-endian. The data lie in the order
/// of the tensors, those with wider numbers before those with narrower ones, so that every tensor
/// is aligned in the mapped file. How types are written that the format lacks: see
/// `SafetensorsDType`.
package struct SafetensorsLayout: Sendable {
  /// The first bytes of the file: the header's length, and the header, padded with spaces to 8
  /// bytes.
  package let header: [UInt8]
  /// From the beginning of the file, for each tensor as given.
  package let dataOffsets: [Int]
  /// The size of the file.
  package let byteCount: Int

  /// Throws `.duplicateName` for equal names of tensors or keys of metadata, `.invalidName` for a
  /// name that is not UTF-8 or is `__metadata__`, and `.limitExceeded` where a reader would refuse.
  package init(
    tensors: [TensorDescriptor], metadata: [(key: String, value: String)] = [],
    limits: CheckpointLimits = .init()
  ) throws(CheckpointError) {
    let types = tensors.map { SafetensorsDType(storing: $0.dtype, $0.shape) }
    let names = try Self.names(of: tensors)
    var notes = metadata
    for (name, (tensor, type)) in zip(names, zip(tensors, types)) where type.needsEntry {
      notes.append(
        (SafetensorsDType.metadataPrefix + name, String(describing: tensor.dtype.name)))
    }
    var json = JSONText()
    try json.appendMetadata(notes)
    var relativeOffsets = [Int](repeating: 0, count: tensors.count)
    var end = 0
    for index in Self.dataOrder(of: tensors) {
      relativeOffsets[index] = end
      let (sum, overflow) = end.addingReportingOverflow(tensors[index].byteCount)
      guard !overflow else {
        throw .limitExceeded(.tensorByteCount, found: .max, limit: .max)
      }
      json.appendTensor(names[index], types[index], data: end..<sum)
      end = sum
    }
    header = try json.header(limits: limits)
    let start = header.count
    dataOffsets = relativeOffsets.map { start + $0 }
    byteCount = start + end
  }

  private static func names(
    of tensors: [TensorDescriptor]
  ) throws(CheckpointError) -> [String] {
    var taken: Set<ExactText> = []
    var names: [String] = []
    for tensor in tensors {
      guard let name = String(validating: tensor.name.utf8, as: UTF8.self),
        name != SafetensorsHeader.metadataKey
      else { throw .invalidName(tensor.name.utf8) }
      guard taken.insert(ExactText(name)).inserted else { throw .duplicateName(name) }
      names.append(name)
    }
    return names
  }

  private static func dataOrder(of tensors: [TensorDescriptor]) -> [Int] {
    // A tensor's size is a multiple of its own alignment, so nothing after it is misaligned as long
    // as alignments only fall.
    tensors.indices.sorted { tensors[$0].dtype.alignment > tensors[$1].dtype.alignment }
  }
}

extension DType {
  /// Eight is enough for every number there is, and where the data begin.
  fileprivate var alignment: Int { min(byteCount, 8) }
}

/// The JSON of a header, as it grows.
private struct JSONText {
  private var bytes: [UInt8] = [UInt8](repeating: 0, count: SafetensorsHeader.lengthByteCount)
  private var isFirst = true

  /// Leaves the object out when there is nothing in it, as the reference implementation does.
  mutating func appendMetadata(
    _ metadata: [(key: String, value: String)]
  ) throws(CheckpointError) {
    guard !metadata.isEmpty else { return }
    appendKey(SafetensorsHeader.metadataKey)
    var keys: Set<ExactText> = []
    for (key, value) in metadata {
      guard keys.insert(ExactText(key)).inserted else { throw .duplicateName(key) }
      append(keys.count == 1 ? "{" : ",")
      appendString(key)
      append(":")
      appendString(value)
    }
    append("}")
  }

  mutating func appendTensor(_ name: String, _ type: SafetensorsDType, data: Range<Int>) {
    appendKey(name)
    let extents = type.extents.map(String.init).joined(separator: ",")
    append("{\"dtype\":\"\(type.name)\",\"shape\":[\(extents)],")
    append("\"data_offsets\":[\(data.lowerBound),\(data.upperBound)]}")
  }

  /// The finished header, behind its length.
  func header(limits: CheckpointLimits) throws(CheckpointError) -> [UInt8] {
    var header = bytes
    header.append(contentsOf: (isFirst ? "{}" : "}").utf8)
    while !header.count.isMultiple(of: 8) { header.append(UInt8(ascii: " ")) }
    let byteCount = header.count - SafetensorsHeader.lengthByteCount
    try CheckpointLimit.headerByteCount.check(byteCount, atMost: limits.headerByteCount)
    for index in 0..<SafetensorsHeader.lengthByteCount {
      header[index] = UInt8(truncatingIfNeeded: byteCount >> (8 * index))
    }
    return header
  }

  private mutating func appendKey(_ key: String) {
    append(isFirst ? "{" : ",")
    isFirst = false
    appendString(key)
    append(":")
  }

  private mutating func append(_ text: String) {
    bytes.append(contentsOf: text.utf8)
  }

  private mutating func appendString(_ text: String) {
    append("\"")
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): append("\\\"")
      case UInt8(ascii: "\\"): append("\\\\")
      case 0..<0x10: append("\\u000\(String(byte, radix: 16))")
      case 0x10..<0x20: append("\\u00\(String(byte, radix: 16))")
      default: bytes.append(byte)
      }
    }
    append("\"")
  }
}
