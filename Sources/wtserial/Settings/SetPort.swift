import Runtime
import SerialDriver

/// Checks that a PORT which a file or a variable sets can be the name of one, whether or not there is
/// such a port now.
///
/// - Throws: why it cannot; where it was set is for the caller to say.
@discardableResult
func opener(forSetPort name: String) throws(Failure) -> PortOpener {
  do {
    return try PortOpener(name, PortSettings(baudRate: PortOptions.safeBaudRate), wait: .none)
  } catch {
    throw Failure(error, port: name, model: nil, offersWait: false)
  }
}
