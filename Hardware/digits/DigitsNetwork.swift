public import Device

/// The sample network (Scripts/digits_model.py) in integers: weights as they lie in the store, activations
/// of eight bits with one scale for a layer, sums of 32 bits.
///
/// Works in lent memory, a piece at a time: whoever runs it can look after the line in between.
public struct DigitsNetwork: ~Copyable {
  /// Bytes of an image, row by row: 0 for paper to 16 for ink.
  public static let imageByteCount = 64

  private enum Layer: Int {
    case first, second, third, hidden, output
  }

  private static let side = 8
  private static let classCount = 10

  private let memory: DigitsMemory
  private var weights: DigitsWeights
  private var layer = Layer.first
  // The channel or neuron that is next, and the unit of the inputs: a power of two.
  private var channel = 0
  private var unit: Int32 = 0

  /// Works in this memory.
  public init(_ memory: DigitsMemory) {
    self.memory = memory
    weights = DigitsWeights(memory)
  }

  /// Takes the weights as they are now: what is computed from them once, and used for every image.
  public mutating func prepare<Table: ModelTable, Store: WeightStore & ~Copyable>(
    _ table: Table, _ store: borrowing Store
  ) {
    weights.prepare(table, store)
  }

  /// Begins with an image, whose pixels `pixel` tells.
  public mutating func begin(_ pixel: (Int) -> UInt8) {
    for index in 0..<Self.imageByteCount { memory.inputs[index] = pixel(index) }
    (layer, channel, unit) = (.first, 0, -4)
  }

  /// Computes a channel; the class with the last one.
  public mutating func step<Store: WeightStore & ~Copyable>(_ store: borrowing Store) -> Int? {
    switch layer {
    case .first:
      convolve(store, side: 8, inputCount: 1)
      keep(side: 8, isPooled: false)
      endChannel(of: 16, next: .second, count: 1024)
    case .second:
      convolve(store, side: 8, inputCount: 16)
      keep(side: 8, isPooled: true)
      endChannel(of: 32, next: .third, count: 512)
    case .third:
      convolve(store, side: 4, inputCount: 32)
      keep(side: 4, isPooled: true)
      endChannel(of: 64, next: .hidden, count: 256)
    case .hidden:
      memory.outputs[channel] = max(sum(store, inputCount: 256), 0)
      endChannel(of: 64, next: .output, count: 64)
    case .output:
      memory.outputs[channel] = sum(store, inputCount: 64)
      channel += 1
      guard channel == Self.classCount else { return nil }
      (layer, channel) = (.first, 0)
      return likeliest
    }
    return nil
  }

  private var likeliest: Int {
    var best = 0
    for index in 1..<Self.classCount where memory.outputs[index] > memory.outputs[best] {
      best = index
    }
    return best
  }

  // MARK: - Layers

  /// The sums of a channel: 3×3 kernels over all inputs, with a border of zeros.
  private func convolve<Store: WeightStore & ~Copyable>(
    _ store: borrowing Store, side: Int, inputCount: Int
  ) {
    for index in 0..<side * side { memory.sums[index] = 0 }
    for input in 0..<inputCount {
      var tap = (channel &* inputCount &+ input) &* 9
      // No division: small processors have none.
      for down in -1...1 {
        for right in -1...1 {
          let weight = weights.weight(tap, layer.rawValue, store)
          tap += 1
          if weight != 0 { add(weight, from: input &* side &* side, side, down, right) }
        }
      }
    }
  }

  /// Adds a tap of a kernel, so far down and right of its middle, to all sums that it reaches.
  private func add(_ weight: Int32, from input: Int, _ side: Int, _ down: Int, _ right: Int) {
    let columns = max(0, -right)..<min(side, side - right)
    for row in max(0, -down)..<min(side, side - down) {
      let start = row &* side
      let shifted = input &+ start &+ down &* side &+ right
      memory.add(
        weight, inputsFrom: shifted &+ columns.lowerBound, to: start &+ columns.lowerBound,
        count: columns.count)
    }
  }

  /// Turns the sums into activations: scaled, without those below zero, of each 2×2 the largest.
  private func keep(side: Int, isPooled: Bool) {
    let scale = weights.scale(channel, layer.rawValue)
    let unit = unit &+ weights.unit(layer.rawValue)
    let pool = isPooled ? 2 : 1
    let outputSide = isPooled ? side >> 1 : side
    var output = channel &* outputSide &* outputSide
    for row in stride(from: 0, to: side, by: pool) {
      for column in stride(from: 0, to: side, by: pool) {
        var largest: Int16 = 0
        for lower in row..<row + pool {
          for index in lower &* side &+ column..<lower &* side &+ column &+ pool {
            largest = max(largest, scale.apply(memory.sums[index], unit: unit))
          }
        }
        memory.outputs[output] = largest
        output += 1
      }
    }
  }

  /// A neuron.
  private func sum<Store: WeightStore & ~Copyable>(
    _ store: borrowing Store, inputCount: Int
  ) -> Int16 {
    var sum: Int32 = 0
    for input in 0..<inputCount {
      let weight = weights.weight(channel &* inputCount &+ input, layer.rawValue, store)
      sum &+= weight &* Int32(memory.inputs[input])
    }
    return weights.scale(channel, layer.rawValue)
      .apply(sum, unit: unit &+ weights.unit(layer.rawValue))
  }

  /// Behind the last channel of a layer its outputs become the inputs of the next: in eight bits, with
  /// a scale that fits the largest.
  private mutating func endChannel(of channelCount: Int, next: Layer, count: Int) {
    channel += 1
    guard channel == channelCount else { return }
    var largest: Int16 = 0
    for index in 0..<count { largest = max(largest, memory.outputs[index]) }
    var shift: Int16 = 0
    while largest >> shift > 255 { shift += 1 }
    let half: Int16 = shift > 0 ? 1 << (shift - 1) : 0
    for index in 0..<count {
      let rounded = (memory.outputs[index] >> shift) + (memory.outputs[index] & half > 0 ? 1 : 0)
      memory.inputs[index] = UInt8(min(rounded, 255))
    }
    (layer, channel, unit) = (next, 0, Int32(shift) - 8)
  }
}
