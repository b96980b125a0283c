internal import SerialDriver
package import SystemPackage

/// How long an FTDI adapter collects bytes before it hands over a packet that is not full.
package enum LatencyTimer {
  /// The file that sets it.
  package static func path(of port: PortDescription) -> FilePath {
    FilePath("/sys/class/tty/\(port.path.lastComponent?.string ?? "")/device/latency_timer")
  }

  /// Milliseconds, 1 to 255; nil where the adapter has no such timer.
  package static func milliseconds(of port: PortDescription) -> Int? {
    ProcessFiles.text(of: path(of: port)).flatMap { text in
      text.split { $0 == "\n" || $0 == " " }.first.flatMap { Int($0) }
    }
  }
}
