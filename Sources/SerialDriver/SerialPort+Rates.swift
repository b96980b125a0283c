import CSerial
import SystemPackage

/// Changing the rate of an open port.
extension SerialPort {
  /// Whether the port is one end of a pseudo-terminal, whose rate is a number and nothing more.
  package var isPseudoTerminal: Bool {
    FileStatus(of: path)?.isPseudoTerminal == true
  }

  /// Runs the port at another rate once all that is queued has been sent.
  ///
  /// - Throws: `rateRefused` where the driver runs at a rate too far from it.
  package mutating func setRate(_ baudRate: UInt32) throws(SerialError) {
    let actual = try changeRate(baudRate)
    guard Self.isClose(actual, to: baudRate) else {
      throw .rateRefused(path, requested: baudRate, actual: actual)
    }
    self.baudRate = actual
  }

  /// Those of `candidates` that the driver says it runs at; the port is left at the rate it has.
  package func reachableRates(of candidates: [UInt32]) throws(SerialError) -> [UInt32] {
    var reachable: [UInt32] = []
    for candidate in candidates {
      // A driver that cannot may refuse, or name the nearest rate that it has.
      guard let actual = try? changeRate(candidate) else { continue }
      if Self.isClose(actual, to: candidate) { reachable.append(candidate) }
    }
    _ = try changeRate(baudRate)
    return reachable
  }

  private func changeRate(_ baudRate: UInt32) throws(SerialError) -> UInt32 {
    var termios = cserial_termios()
    let number = descriptor
    do throws(Errno) {
      try systemCall { unsafe cserial_get_termios(number, &termios) }
      termios.input_rate = baudRate
      termios.output_rate = baudRate
      try systemCall { unsafe cserial_drain_and_set_termios(number, &termios) }
      try systemCall { unsafe cserial_get_termios(number, &termios) }
    } catch {
      throw .from(error, .setSettings, path)
    }
    return termios.output_rate
  }
}
