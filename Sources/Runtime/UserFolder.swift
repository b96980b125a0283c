import Glibc
internal import SystemPackage

/// Folders of the user's that the command keeps something in (XDG Base Directory Specification).
enum UserFolder {
  /// What should outlive a restart and is no loss if it does not: `rates`.
  static var state: FilePath? { path(variable: "XDG_STATE_HOME", else: ".local/state") }

  /// What can be made anew: models that were sent.
  static var cache: FilePath? { path(variable: "XDG_CACHE_HOME", else: ".cache") }

  /// Makes a folder and those above it, for the user alone.
  static func make(_ path: FilePath) {
    var folder = FilePath(root: path.root)
    for component in path.components {
      folder.append(component)
      _ = unsafe folder.withPlatformString { unsafe mkdir($0, 0o700) }
    }
  }

  private static func path(variable name: String, else home: String) -> FilePath? {
    if let folder = variable(name) { return FilePath(folder).appending("wtserial") }
    return variable("HOME").map { FilePath($0).appending("\(home)/wtserial") }
  }

  private static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.hasPrefix("/") ? text : nil
  }
}
