import ArgumentParser
import SerialDriver

/// What `--reset` takes.
struct ResetChoice {
  /// What there is to choose, for sentences.
  private static let language =
    "a sequence has D0, D1 (DTR), R0, R1 (RTS), U0,1 (DTR and RTS at once) and W0.1 (seconds, 10 at "
    + "most), with | between; \(ResetSequence.names.joined(separator: ", ")) are names of some"

  let sequence: ResetSequence

  /// - Throws: a `ValidationError` that names the step which there is not, and those that there are.
  init(parsing text: String) throws(ValidationError) {
    do {
      sequence = try ResetSequence(parsing: text)
    } catch {
      throw ValidationError(Self.sentence(error))
    }
  }

  private static func sentence(_ flaw: ResetSequence.Flaw) -> String {
    switch flaw {
    case .step(let number, let text): "step \(number), '\(text)', is none; \(language)"
    case .tooManySteps(let limit): "it has more than \(limit) steps"
    }
  }
}
