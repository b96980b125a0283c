import ArgumentParser
import Checkpoints
import Runtime
import SystemPackage

/// What a transfer builds on, and what comes of the one before.
struct EarlierOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      An earlier version of the model, which the receiver may hold: what is the same is not sent. \
      The models that were sent before are looked at, too.
      """, valueName: "file"), completion: .file())
  var base: String?
  @Flag(help: "Look at no models that were sent before, and keep no copy of this one.")
  var noCache = false
  @Flag(help: "Have the board store the model and go on with the one that it uses.")
  var noActivate = false
  @Flag(
    help: """
      Stay, and send each new version of MODEL, the newest when several have come meanwhile; \
      `receive --stay` takes them.
      """)
  var follow = false

  /// Looks whether the earlier version is one, before a receiver is looked for.
  ///
  /// - Throws: `Failure`.
  func check(against model: Checkpoint) throws {
    if let base { _ = try Self.open(base, before: model) }
  }

  /// Opens an earlier version of a model.
  ///
  /// - Throws: `Failure` that names it.
  static func open(_ base: String, before model: Checkpoint) throws -> Checkpoint {
    let found: Checkpoint
    do {
      found = try Checkpoint(opening: FilePath(base))
    } catch {
      throw Failure(error, file: base)
    }
    guard (found.format == .opaque) == (model.format == .opaque) else {
      throw Failure(
        "--base \(base) is no earlier version of the model: it holds no tensors that can be told; give "
          + "the file that was sent before", .badModel)
    }
    return found
  }

  private var cache: ModelCache? { noCache ? nil : ModelCache() }

  /// Tells a session where earlier models are.
  func configure(_ session: SendSession) {
    session.library = BaseLibrary(path: base.map { FilePath($0) }, cache: cache)
    session.staysInactive = noActivate
  }

  /// Keeps a copy of a model that has arrived, for the next version of it.
  func keep(_ path: FilePath, _ session: SendSession) {
    cache?.keep(path, as: session.heldDigests)
  }
}
