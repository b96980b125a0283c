import CSerial
import SystemPackage

/// What a port was set to before it was opened, and which of it has to be put back.
struct SavedSettings {
  private let termios: cserial_termios
  private var changesTermios = false
  private var changesLowLatency = false
  private var changesExclusive = false
  private var hasFlowControl = false
  /// Whether the port was to hand over bytes as they come.
  private(set) var asksForLowLatency = false

  init(termios: cserial_termios) {
    self.termios = termios
  }

  /// Sets the port up and answers the rate that the driver really runs at.
  mutating func apply(
    _ settings: PortSettings, to descriptor: CInt
  ) throws(Errno) -> UInt32 {
    if settings.exclusive {
      try systemCall { cserial_set_exclusive(descriptor, true) }
      changesExclusive = true
    }
    var raw = termios
    unsafe cserial_make_raw(&raw, settings.baudRate, settings.flowControl.shimValue)
    changesTermios = true
    hasFlowControl = settings.flowControl != .none
    try systemCall { unsafe cserial_set_termios(descriptor, &raw) }
    if settings.lowLatency {
      var wasLowLatency = false
      // Not every driver has the flag, and none needs it.
      let result = unsafe cserial_set_low_latency(descriptor, true, &wasLowLatency)
      asksForLowLatency = true
      changesLowLatency = result == 0 && !wasLowLatency
    }
    try systemCall { unsafe cserial_get_termios(descriptor, &raw) }
    return raw.output_rate
  }

  /// Puts back what was changed, as far as the device is still there to take it.
  func restore(on descriptor: CInt) {
    if changesTermios { restoreTermios(on: descriptor) }
    if changesLowLatency {
      var ignored = false
      _ = unsafe cserial_set_low_latency(descriptor, false, &ignored)
    }
    // Exclusive mode is the terminal's, not the descriptor's: it would outlast us if somebody else
    // has the terminal open.
    if changesExclusive { _ = cserial_set_exclusive(descriptor, false) }
  }

  private func restoreTermios(on descriptor: CInt) {
    var termios = termios
    // With HUPCL the close that follows would drop DTR, and reset many a board.
    unsafe cserial_keep_lines_on_close(&termios)
    var unsent: CInt = 0
    // Bytes still queued would leave at the restored rate, or be waited for on a stopped line.
    if unsafe cserial_output_queue(descriptor, &unsent) == 0, unsent > 0 {
      _ = cserial_flush_output(descriptor)
    }
    if hasFlowControl {
      // A line that is stopped would never drain.
      _ = unsafe cserial_set_termios(descriptor, &termios)
    } else {
      // What is left is in the chip's own FIFO, which empties in bounded time.
      _ = unsafe cserial_drain_and_set_termios(descriptor, &termios)
    }
  }
}

extension PortSettings.FlowControl {
  fileprivate var shimValue: cserial_flow {
    switch self {
    case .none: CSERIAL_FLOW_NONE
    case .rtsCts: CSERIAL_FLOW_RTS_CTS
    case .xonXoff: CSERIAL_FLOW_XON_XOFF
    }
  }
}
