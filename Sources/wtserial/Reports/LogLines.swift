import Logging

/// Writes the log to standard error: when, how grave, what it is about, and what has happened.
///
/// Which module of the program says it is of no use to those who read it.
struct LogLines: LogHandler {
  let label: String
  var logLevel: Logger.Level
  // The format of the library wants it; nothing is added to what is said.
  var metadata: Logger.Metadata = [:]

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let now = localTimeText("%Y-%m-%dT%H:%M:%S%z")
    StandardOutput.errors.write("\(now) \(event.level) \(label): \(event.message)\n")
  }
}
