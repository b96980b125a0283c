import Glibc

/// One of the two streams that a command writes to, and the terminal behind it, if there is one.
struct StandardOutput {
  static let results = StandardOutput(descriptor: STDOUT_FILENO)
  static let errors = StandardOutput(descriptor: STDERR_FILENO)

  let descriptor: CInt

  var isTerminal: Bool { isatty(descriptor) == 1 }

  /// The columns of the terminal at the moment, which its user may change at any; 80 where it does not
  /// tell.
  var columns: Int {
    var size = winsize()
    let known = unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0
    return known && size.ws_col > 0 ? Int(size.ws_col) : 80
  }

  func write(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      // Nobody reads any more: a transfer goes on without its listener.
      guard count > 0 || errno == EINTR else { return }
      rest = rest.dropFirst(max(count, 0))
    }
  }
}
