import LinkLayer
import Runtime
import SystemPackage

/// The file of `--report`: made at the end of a transfer, however it ends.
///
/// It is created beside its place at the start, so that a folder that cannot be written to is known
/// before anything is sent.
final class TransferReport {
  private var file: OutputFile?
  private var history = TransferHistory()
  private let start = MonotonicClock.now
  private let date = localTimeText("%Y-%m-%d %H:%M")

  init(_ path: FilePath) throws(OutputError) {
    file = try OutputFile(path, isTemporary: true)
  }

  func note(_ news: TransferNews) { history.note(news, at: seconds) }

  /// Writes that the model has been sent.
  func finish(_ result: TransferResult, model: String, _ console: Console) throws(OutputError) {
    history.note(result.progress, at: seconds, isLast: true)
    try write(result, verdict: "The receiver has verified and stored the model.", model, console)
  }

  /// Writes why it has not been.
  func finish(_ failure: Failure, model: String, _ console: Console) throws(OutputError) {
    try write(nil, verdict: "Not sent: \(failure.sentence).", model, console)
  }

  private func write(
    _ result: TransferResult?, verdict: String, _ model: String, _ console: Console
  ) throws(OutputError) {
    guard var file = file.take() else { return }
    let page = TransferPage(
      history: history, model: model, port: console.port ?? "", device: console.device?.string,
      result: result, verdict: verdict, date: date, seconds: seconds)
    try file.write(Array(page.html.utf8), at: 0)
    try file.finish()
  }

  private var seconds: Double { Double((MonotonicClock.now - start).microseconds) / 1e6 }
}
