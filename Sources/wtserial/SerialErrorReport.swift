import ArgumentParser
import Glibc
import SerialDriver
import SystemPackage

/// What to say about an error of a serial port, with the next step, and how to exit (sysexits(3)
/// where it has a code).
func report(on error: SerialError) -> (sentence: String, exitCode: ExitCode) {
  switch error {
  case .noSuchPort(let path):
    ("there is no serial port \(path); check that it is plugged in", ExitCode(69))
  case .notATerminal(let path):
    ("\(path) is not a serial port; give a device such as /dev/ttyUSB0", ExitCode(64))
  case .permissionDenied(let path, let access):
    ("permission denied on \(path): \(advice(on: access, path))", ExitCode(77))
  case .busy(let path, let owner?) where owner.processID == getpid():
    ("\(path) is the port of two of these boards; give each board once", ExitCode(64))
  case .busy(let path, let owner?):
    (
      "\(path) is in use by \(owner.name) (process \(owner.processID)); end it and try again",
      ExitCode(75)
    )
  case .busy(let path, owner: nil):
    (
      "\(path) is in use by another process; `sudo fuser -v \(path)` names it, end it and try again",
      ExitCode(75)
    )
  case .rateRefused(let path, let requested, let actual):
    (
      "\(path) cannot run at \(requested) baud, the nearest it offers is \(actual); give --baud "
        + "\(actual), at both ends",
      ExitCode(78)
    )
  case .vanished(let path):
    ("\(path) has gone; plug it in again and run both commands again", ExitCode(75))
  case .noModemLines(let path):
    (
      "\(path) has no DTR and RTS, as no pseudo-terminal has; leave --reset out",
      ExitCode(78)
    )
  case .system(let operation, let path, let error):
    (
      "cannot \(verb(of: operation)) \(path): \(error); check the adapter, `sudo dmesg` may say more",
      ExitCode(74)
    )
  }
}

private func advice(on access: PortAccess, _ path: FilePath) -> String {
  if access.isPseudoTerminal {
    return "it is a pseudo-terminal of user \(access.owner); run as \(access.owner), or start what "
      + "made it, such as a loopback, as \(access.user)"
  }
  let groupMayUse = access.mode & 0o060 == 0o060
  guard groupMayUse else {
    return "it belongs to user \(access.owner) alone; run as \(access.owner), or see what "
      + "`wtserial doctor \(path)` proposes"
  }
  if access.isUserInGroup {
    return "it belongs to group \(access.group), which you joined after logging in; log out and in "
      + "again"
  }
  return
    "it belongs to group \(access.group), you are in \(access.processGroups.joined(separator: ", "))"
    + "; run `sudo usermod -aG \(access.group) \(access.user)`, then log out and in again"
}

private func verb(of operation: SerialError.Operation) -> String {
  switch operation {
  case .open: "open"
  case .lock: "lock"
  case .getSettings: "get the settings of"
  case .setSettings: "set up"
  case .flush: "clear the input of"
  case .read: "read from"
  case .write: "write to"
  case .queueSize: "get the output queue of"
  case .setLines: "set DTR and RTS of"
  }
}
