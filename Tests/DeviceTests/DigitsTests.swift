import CDigitsSamples
import Checkpoints
import Device
import Digits
import LinkSimulator
import Testing

@testable import Runtime

/// The first of the images.
struct TestSamples: DigitsSamples {
  var count = Int(DIGITS_SAMPLE_COUNT)
  func pixel(_ place: Int, of image: Int) -> UInt8 { digits_pixel(UInt32(image), UInt32(place)) }
  func label(of image: Int) -> Int { Int(digits_label(UInt32(image))) }
}

/// The network on the sample model.
struct DigitsTests {
  private func correct(planeCount: Int) throws -> Int {
    let checkpoint = try Checkpoint(opening: DeviceRun.digits)
    let image = TestMemory(0 as UInt8, count: DeviceRun.imageByteCount(checkpoint))
    let states = TestMemory(TensorState(), count: checkpoint.tensors.count)
    _ = try DeviceRun(
      checkpoint, MemoryStore(image: image.lent, states: states.lent),
      policy: .planes(limit: planeCount))
    let store = MemoryStore(image: image.lent, states: states.lent)
    let scratch = UnsafeMutableRawBufferPointer.allocate(
      byteCount: DigitsMemory.byteCount, alignment: 4)
    defer { unsafe scratch.deallocate() }
    var trial = DigitsTrial(TestSamples(), unsafe DigitsMemory(scratch))
    trial.begin(count: 60, CheckpointTable(checkpoint), store)
    while trial.isRunning {
      if let result = trial.step(store) { return result.correct }
    }
    return 0
  }

  /// As many of the first 60 images as with so many planes in floating point.
  ///
  /// Of all 360 it would be 36, 98, 354 and 357, in floating point too.
  @Test(arguments: zip([1, 2, 3, 7], [7, 15, 59, 60]))
  func integersDoAsWellAsFloats(planeCount: Int, expected: Int) throws {
    let found = try correct(planeCount: planeCount)
    #expect(found == expected)
  }
}
