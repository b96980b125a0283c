/// Chooses the reader for a file.
///
/// A file that begins like a checkpoint, or is named like one, and is none is an error: to send it
/// as a blob of bytes would hide that it is broken.
enum FormatRecognition {
  private static let searchedByteCount = 1 << 20

  static func contents(
    of file: ByteRegion, fileName: String, limits: CheckpointLimits
  ) throws(CheckpointError) -> CheckpointContents {
    let promised = promisedFormat(fileName)
    if file.hasText("PK\u{3}\u{4}", at: 0) {
      let isPromised = promised == .pyTorchZip
      if let archive = try archive(file, isPromised: isPromised, limits: limits) {
        return try TorchZipReader.contents(of: archive, limits: limits)
      }
    } else if TorchLegacyReader.recognizes(file) {
      return try TorchLegacyReader.contents(of: file, limits: limits)
    } else if isPyTorchTar(file, isPromised: promised == .pyTorchZip) {
      throw .pyTorchTarArchive
    } else if promised == .safetensors || SafetensorsHeader.recognizes(file, limits: limits) {
      return try SafetensorsReader.contents(of: file, limits: limits)
    }
    if let promised { throw .unrecognized(expected: promised) }
    return try OpaqueReader.contents(of: file, fileName: fileName)
  }

  private static func promisedFormat(_ fileName: String) -> CheckpointFormat? {
    let name = fileName.lowercased()
    if name.hasSuffix(".safetensors") { return .safetensors }
    return name.hasSuffix(".pt") || name.hasSuffix(".pth") ? .pyTorchZip : nil
  }

  /// Nil for an archive that is none of PyTorch's, or cannot be read and does not look like one.
  private static func archive(
    _ file: ByteRegion, isPromised: Bool, limits: CheckpointLimits
  ) throws(CheckpointError) -> ZipArchive? {
    do throws(CheckpointError) {
      let archive = try ZipArchive(file, limits: limits)
      return isPromised || TorchZipReader.recognizes(archive) ? archive : nil
    } catch {
      // PyTorch writes this entry first; the directory, at the end, names it whatever its place.
      let looksLikePyTorch =
        file.contains("/data.pkl", in: 0..<min(file.byteCount, searchedByteCount))
        || file.contains(
          "/data.pkl", in: max(0, file.byteCount - searchedByteCount)..<file.byteCount)
      guard !isPromised, !looksLikePyTorch else { throw error }
      return nil
    }
  }

  /// A tar archive (POSIX ustar, magic at 257) whose first member is one of the format's.
  private static func isPyTorchTar(_ file: ByteRegion, isPromised: Bool) -> Bool {
    let members: [StaticString] = ["sys_info", "pickle", "tensors", "storages"]
    return file.hasText("ustar", at: 257)
      && (isPromised || members.contains { file.hasText($0, at: 0) })
  }
}
