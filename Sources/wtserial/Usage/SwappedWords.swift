import ArgumentParser
import Glibc

/// Refuses a PORT and a file that stand in each other's place: to be told that `/dev/ttyUSB0` is no
/// model, or cannot be written, leads nowhere.
///
/// `name` is what the file is called in the usage; `command` is the line as it should be.
func refuseSwapped(
  port: String, file: String, called name: String, command: String
) throws(ValidationError) {
  guard isLikePort(file), !isLikePort(port) else { return }
  throw ValidationError(
    "PORT and \(name) look swapped: \(printableText(file)) is a port, and \(printableText(port)) is "
      + "none. Give `\(printableText(command))`.")
}

/// Whether a word is more likely a port than a file: by what is there of that name, or else by the name.
private func isLikePort(_ word: String) -> Bool {
  var status = stat()
  if unsafe stat(word, &status) == 0 {
    // The first major number is for memory: /dev/null and its like are files to most programs.
    return status.st_mode & S_IFMT == S_IFCHR && major(status.st_rdev) != 1
  }
  // Of files there are some in memory.
  if word.hasPrefix("/dev/") { return !word.hasPrefix("/dev/shm/") }
  let selectors = ["usb:", "serial:", "at:", "rfc2217://", "tcp://", "labgrid://"]
  return word == "auto" || selectors.contains { word.hasPrefix($0) }
}

/// The major number of a device, which makedev(3) puts into these bits.
private func major(_ device: dev_t) -> UInt64 {
  let device = UInt64(device)
  return (device >> 8) & 0xFFF | (device >> 32) & 0xFFFF_F000
}
