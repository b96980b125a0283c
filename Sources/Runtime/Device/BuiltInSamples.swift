internal import CDigitsSamples
internal import Digits

/// The first of the images that the application has.
struct BuiltInSamples: DigitsSamples {
  static let countLimit = Int(DIGITS_SAMPLE_COUNT)

  let count: Int

  func pixel(_ place: Int, of image: Int) -> UInt8 { digits_pixel(UInt32(image), UInt32(place)) }

  func label(of image: Int) -> Int { Int(digits_label(UInt32(image))) }
}
