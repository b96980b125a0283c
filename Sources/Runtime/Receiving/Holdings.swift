internal import Checkpoints
import Glibc
internal import Streaming
internal import SystemPackage
internal import Tensors

/// What a receiver has when a sender comes: the model that it holds, and what has come of another one.
///
/// Beside the output `OUT` are, until a transfer comes to its end, the journal of what has come, `OUT.journal`, and
/// what was in its place before, `OUT.base`, if that was a model or the new one builds on it: `OUT` itself is
/// replaced at the first milestone.
final class Holdings {
  private let output: FilePath
  private let basePath: FilePath
  private let journalPath: FilePath
  private(set) var held: HeldModel?
  private var journal: Journal?
  // The digests that the sender has asked for, of its tensors with content.
  private var compared: [DigestPrefix] = []
  // Why what comes is not kept for another session.
  private var failure: OutputError?

  /// Looks for what is there.
  init(beside output: FilePath) {
    self.output = output
    basePath = FilePath(output.string + ".base")
    journalPath = FilePath(output.string + ".journal")
    journal = Journal.open(journalPath)
    let isUnfinished = unfinished != nil
    // The output is then a part of the model that is coming, and what was there when that began is the base,
    // or nothing: with more the same offer would be another one.
    held = HeldModel(opening: basePath) ?? (isUnfinished ? nil : HeldModel(opening: output))
  }

  /// What the next sender is told.
  func describe(_ info: inout ReceiverInfo) {
    info.abilities = [.resumes, .lists, .keeps, .takesDifferences]
    if held != nil { info.abilities.insert(.compares) }
    if held?.digest != nil { info.abilities.formUnion([.gives, .numbersTensors]) }
    info.held = [held?.digest].compactMap(\.self)
    info.unfinished = unfinished
  }

  /// The tensors of the model that is here.
  var base: BaseTensors? {
    held.flatMap { held in held.digest.map { BaseTensors($0, held.manifest) } }
  }

  /// What has come of a transfer.
  var unfinished: Unfinished? {
    switch journal {
    case .some(let journal): journal.unfinished
    case .none: nil
    }
  }

  /// What is here, for people.
  var listing: Listing {
    let model = held?.entry.map { Listing.Slot.model($0, isInUse: true) }
    let rest = unfinished.map { Listing.Slot.unfinished(byteCount: $0.byteCount) }
    return Listing(room: nil, slots: [model, rest].compactMap(\.self))
  }

  // MARK: - A sender's questions

  /// A session has begun.
  func forgetComparison() { compared = [] }

  /// Says which of these tensors are here.
  func compare(_ prefixes: [DigestPrefix]) -> [Bool] {
    compared += prefixes
    return prefixes.map { held?.holds($0) ?? false }
  }

  /// What the model consists of that a sender has, too; nil where it is another one.
  func confirm(_ digest: Digest) -> Manifest? {
    guard let held, held.digest == digest else { return nil }
    // A transfer that did not come to its end may have put a part of another model in its place.
    if Self.exists(basePath), !Self.rename(basePath, to: output) { return nil }
    // Two names of one file are left as they are by rename(2).
    finish()
    return held.manifest
  }

  /// Calls `body` with the bytes of each tensor that a model keeps, and their digest, and with those of each
  /// that it tells the differences from.
  func keep(
    of manifest: Manifest, _ body: (Int, RawSpan, Digest?) throws(OutputError) -> Void
  ) throws(ModelWriterError) {
    guard !manifest.terms.relations.isEmpty else { return }
    guard let held else { throw .base }
    if let base = manifest.terms.base { guard base == held.digest else { throw .base } }
    preserveBase()
    var number = -1
    for (index, relation) in manifest.relations.enumerated() {
      let entry = manifest.entries[index]
      if entry.hasContent { number += 1 }
      guard relation != .plain else { continue }
      let found =
        manifest.terms.base != nil
        ? held.tensor(like: entry.tensor)
        : compared.indices.contains(number)
          ? held.tensor(compared[number], byteCount: entry.tensor.byteCount) : nil
      guard let found else { throw .base }
      var failure: OutputError?
      let isRead: Void? = try? held.withBytes(of: found) { bytes in
        do throws(OutputError) {
          try body(index, bytes, relation == .kept ? held.digest(of: found) : nil)
        } catch {
          failure = error
        }
      }
      if let failure { throw .output(failure) }
      guard isRead != nil else { throw .base }
    }
  }

  /// The output is about to be replaced, and another session may need what it is now.
  private func preserveBase() {
    guard !Self.exists(basePath) else { return }
    let result = unsafe output.withPlatformString { from in
      unsafe basePath.withPlatformString { to in unsafe link(from, to) }
    }
    // A file system without links, as that of a memory card.
    if result != 0 { _ = ModelCache.copy(output, to: basePath) }
  }

  // MARK: - The journal

  /// A model comes: from its beginning, or going on.
  ///
  /// - Returns: bytes of the stream that are there.
  /// - Throws: `.base` where the sender goes on with something that is not here.
  func begin(_ manifest: Manifest) throws(ModelWriterError) -> Int {
    guard let identity = manifest.terms.identity else {
      discard()
      return 0
    }
    if manifest.terms.goesOn {
      guard journal?.identity == identity else { throw .base }
      journal?.rewind()
      return unfinished?.byteCount ?? 0
    }
    discard()
    // A model that is whole is kept until the next one is, whatever becomes of that.
    if held?.digest != nil { preserveBase() }
    do {
      journal = try Journal(creating: journalPath, manifest, identity)
    } catch {
      note(error, .create)
    }
    return 0
  }

  /// The next bytes of the stream that are there; empty behind the last.
  func nextPiece() -> [UInt8] { journal?.nextPiece() ?? [] }

  /// Bytes of the stream have come.
  func note(received bytes: [UInt8]) {
    guard !bytes.isEmpty, journal != nil else { return }
    do {
      try journal?.append(bytes)
    } catch {
      note(error, .write)
      discard()
    }
  }

  private func note(_ error: any Error, _ operation: OutputError.Operation) {
    failure = OutputError(
      operation: operation, path: journalPath, errno: error as? Errno ?? .ioError)
  }

  /// Why what comes is not kept for another session; told once.
  func takeFailure() -> OutputError? {
    defer { failure = nil }
    return failure
  }

  /// What has come is of no use.
  func discard() {
    journal.take()?.remove()
  }

  /// The model is complete and in its place.
  func finish() {
    discard()
    _ = unsafe basePath.withPlatformString { unsafe unlink($0) }
  }

  // MARK: - Calls

  private static func exists(_ path: FilePath) -> Bool {
    unsafe path.withPlatformString { unsafe access($0, F_OK) == 0 }
  }

  private static func rename(_ old: FilePath, to new: FilePath) -> Bool {
    unsafe old.withPlatformString { from in
      unsafe new.withPlatformString { to in unsafe Glibc.rename(from, to) == 0 }
    }
  }
}
