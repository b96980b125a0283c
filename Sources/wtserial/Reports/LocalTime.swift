import Glibc

/// Now, where the user is, as strftime(3) writes it.
func localTimeText(_ format: String) -> String {
  var now = time_t()
  unsafe time(&now)
  var parts = unsafe tm()
  unsafe localtime_r(&now, &parts)
  let text = unsafe [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
    unsafe buffer.withMemoryRebound(to: CChar.self) {
      count = unsafe strftime($0.baseAddress, $0.count, format, &parts)
    }
  }
  return String(decoding: text, as: UTF8.self)
}
