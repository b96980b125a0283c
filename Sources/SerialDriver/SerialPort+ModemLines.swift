import CSerial
import SystemPackage

/// The lines that this end sets.
extension SerialPort {
  /// Raises or drops one line and leaves the other as it is.
  ///
  /// - Throws: `noModemLines` where the port has none, as a pseudo-terminal.
  package func set(_ line: ModemLine, isRaised: Bool) throws(SerialError) {
    switch line {
    case .dtr: try setLines(dtr: isRaised, rts: nil)
    case .rts: try setLines(dtr: nil, rts: isRaised)
    }
  }

  /// Sets both at once.
  ///
  /// - Throws: `noModemLines` where the port has none, as a pseudo-terminal.
  package func setBoth(dtr: Bool, rts: Bool) throws(SerialError) {
    try setLines(dtr: dtr, rts: rts)
  }

  private func setLines(dtr: Bool?, rts: Bool?) throws(SerialError) {
    let number = descriptor
    do throws(Errno) {
      try systemCall { cserial_set_modem_lines(number, Self.level(dtr), Self.level(rts)) }
    } catch .inappropriateIOCTLForDevice, .invalidArgument {
      throw .noModemLines(path)
    } catch {
      throw .from(error, .setLines, path)
    }
  }

  private static func level(_ isRaised: Bool?) -> cserial_level {
    switch isRaised {
    case nil: CSERIAL_LEVEL_KEEP
    case false?: CSERIAL_LEVEL_DROP
    case true?: CSERIAL_LEVEL_RAISE
    }
  }
}
