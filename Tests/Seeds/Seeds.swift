import Glibc
import LinkSimulator

/// Runs what seeds draw, one after the other: `Seeds FIRST COUNT`.
///
/// Prints each seed whose run went wrong, and how to run it again; then how many there were. Exits
/// with 1 where any did.
@main
enum Seeds {
  static func main() throws {
    let numbers = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
    guard numbers.count == 2 else { fatalError("usage: Seeds FIRST COUNT") }
    let seeds = numbers[0]..<numbers[0] + numbers[1]
    var failureCount = 0
    for seed in seeds {
      let run = DrawnRun(drawnFrom: seed)
      guard let problem = try run.problem() else { continue }
      failureCount += 1
      print("seed \(seed): \(problem): \(run)\n  again: Scripts/seeds 1 \(seed)")
    }
    print("\(seeds.count) seeds, \(failureCount) failed")
    if failureCount > 0 { exit(1) }
  }
}
