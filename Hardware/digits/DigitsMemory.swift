internal import Device

/// The memory that the network computes in.
public struct DigitsMemory {
  let inputs: LentMemory<UInt8>
  let outputs: LentMemory<Int16>
  let sums: LentMemory<Int32>
  let scales: LentMemory<ChannelScale>
  /// The kernels of the first layer, whose weights come as floats.
  let kernels: LentMemory<Int16>

  /// The bytes that it takes.
  public static let byteCount = 4 * 64 + 8 * scaleCount + 2 * 1024 + 2 * 144 + 1024

  // Channels and neurons of all layers.
  private static let scaleCount = 16 + 32 + 64 + 64 + 10

  /// Divides memory up, which lies at a multiple of four.
  @unsafe
  public init(_ memory: UnsafeMutableRawBufferPointer) {
    precondition(memory.count >= Self.byteCount, "the network's memory")
    var rest = unsafe memory[...]
    unsafe sums = Self.take(64, of: &rest, Int32(0))
    unsafe scales = Self.take(
      Self.scaleCount, of: &rest, ChannelScale(factor: Scaled(0), bias: 0))
    unsafe outputs = Self.take(1024, of: &rest, Int16(0))
    unsafe kernels = Self.take(144, of: &rest, Int16(0))
    unsafe inputs = Self.take(1024, of: &rest, UInt8(0))
  }

  private static func take<Element: BitwiseCopyable>(
    _ count: Int, of rest: inout Slice<UnsafeMutableRawBufferPointer>, _ element: Element
  ) -> LentMemory<Element> {
    let byteCount = count * MemoryLayout<Element>.stride
    let part = unsafe UnsafeMutableRawBufferPointer(rebasing: rest.prefix(byteCount))
    unsafe rest = rest.dropFirst(byteCount)
    return unsafe LentMemory(part.initializeMemory(as: Element.self, repeating: element))
  }

  /// Adds so many inputs, times a weight, to as many sums.
  func add(_ weight: Int32, inputsFrom input: Int, to sum: Int, count: Int) {
    precondition(
      input >= 0 && input + count <= inputs.count && sum >= 0 && sum + count <= sums.count)
    // Of all that the network does this is nine tenths: no bounds are looked at for each.
    unsafe inputs.withPointer { inputs in
      unsafe sums.withPointer { sums in
        for index in 0..<count {
          unsafe sums[sum &+ index] &+= weight &* Int32(inputs[input &+ index])
        }
      }
    }
  }
}
