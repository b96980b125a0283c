import ArgumentParser
import Runtime
import SystemPackage

/// What a transfer builds on, and what comes of the one before.
struct EarlierOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      An earlier version of the model, which the receiver may hold: what is the same is not sent. \
      Without it, the models that were sent before are looked at.
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
