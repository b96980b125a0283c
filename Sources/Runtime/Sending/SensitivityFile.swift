import FoundationEssentials
package import SystemPackage

/// Why a file tells nothing of tensors' sensitivities.
package enum SensitivityError: Error, Equatable {
  case cannotRead(FilePath, Errno)
  /// It is not what `Scripts/sensitivity.py` writes; what is wrong with it.
  case malformed(FilePath, String)
}

/// How much the relative error of each tensor matters for a network's output, as measured by
/// `Scripts/sensitivity.py`: `{"schema": 1, "tensors": {"layer.weight": 0.4, …}}`.
package struct SensitivityFile {
  /// By the tensor's name; only their ratios matter.
  package let tensors: [String: Double]

  private struct Contents: Decodable {
    var schema: Int
    var tensors: [String: Double]
  }

  private static let byteCountLimit = 1 << 26

  package init(reading path: FilePath) throws(SensitivityError) {
    let bytes: [UInt8]
    do {
      let descriptor = try FileDescriptor.open(path, .readOnly, options: [.closeOnExec])
      bytes = try descriptor.closeAfter { try Self.readAll(of: descriptor) }
    } catch {
      throw .cannotRead(path, error as? Errno ?? .ioError)
    }
    let contents: Contents
    do {
      contents = try JSONDecoder().decode(Contents.self, from: Data(bytes))
    } catch {
      throw .malformed(path, "it is no JSON object with \"schema\" and numbers in \"tensors\"")
    }
    guard contents.schema == 1 else {
      throw .malformed(path, "its schema is \(contents.schema), and only 1 is known")
    }
    for (name, value) in contents.tensors where !value.isFinite || value < 0 {
      throw .malformed(path, "the sensitivity of \(name) is \(value)")
    }
    tensors = contents.tensors
  }

  private static func readAll(of descriptor: FileDescriptor) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var portion = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < byteCountLimit {
      let count = try unsafe portion.withUnsafeMutableBytes { try unsafe descriptor.read(into: $0) }
      if count == 0 { break }
      bytes += portion[..<count]
    }
    return bytes
  }
}
