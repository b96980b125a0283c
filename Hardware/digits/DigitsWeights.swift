internal import Device

/// What the network computes once from the weights: the scales of its channels.
struct DigitsWeights {
  // By layer: the tensors of weights; of norms the first of four: gain, bias, mean, variance.
  private static let tensors: InlineArray<5, Int> = [0, 6, 12, 18, 20]
  private static let norms: InlineArray<3, Int> = [1, 7, 13]
  private static let firstScales: InlineArray<5, Int> = [0, 16, 48, 112, 176]
  private static let channelCounts: InlineArray<5, Int> = [16, 32, 64, 64, 10]
  // Of a float32: the exponent of the smallest.
  private static let lowestExponent = -149
  // 1e-5, which PyTorch adds to a variance, in units of 2^-20.
  private static let epsilon: Int32 = 10

  private let memory: DigitsMemory
  // By layer: where its weights are, what their bytes stand for, and their unit, a power of two.
  private var offsets = InlineArray<5, Int>(repeating: 0)
  private var planes = InlineArray<5, PlaneScale>(repeating: PlaneScale(TensorState()))
  private var units = InlineArray<5, Int32>(repeating: 0)

  init(_ memory: DigitsMemory) { self.memory = memory }

  /// The unit of a layer's weights, a power of two.
  func unit(_ layer: Int) -> Int32 { units[layer] }

  /// What becomes of a channel's sums.
  func scale(_ channel: Int, _ layer: Int) -> ChannelScale {
    memory.scales[Self.firstScales[layer] + channel]
  }

  /// A weight, in units of its layer.
  @inline(__always)
  func weight<Store: WeightStore & ~Copyable>(
    _ index: Int, _ layer: Int, _ store: borrowing Store
  ) -> Int32 {
    layer == 0
      ? Int32(memory.kernels[index]) : planes[layer].weight(store[offsets[layer] &+ index])
  }

  mutating func prepare<Table: ModelTable, Store: WeightStore & ~Copyable>(
    _ table: Table, _ store: borrowing Store
  ) {
    for layer in 0..<5 {
      let tensor = Self.tensors[layer]
      offsets[layer] = table.place(of: tensor).offset
      planes[layer] = PlaneScale(store[stateOf: tensor])
      units[layer] = Int32(truncatingIfNeeded: planes[layer].level + Self.lowestExponent)
      for channel in 0..<Self.channelCounts[layer] {
        memory.scales[Self.firstScales[layer] + channel] =
          layer < 3
          ? normScale(channel, Self.norms[layer], table, store)
          : biasScale(channel, tensor + 1, table, store)
      }
    }
    prepareKernels(store)
  }

  /// A batch normalization, for a channel: a gain over the deviation, and what that makes of the mean.
  private func normScale<Table: ModelTable, Store: WeightStore & ~Copyable>(
    _ channel: Int, _ norm: Int, _ table: Table, _ store: borrowing Store
  ) -> ChannelScale {
    let variance = number(channel, norm + 3, table, store).fixed(-20)
    let deviation = Scaled(min(variance, 1 << 29) + Self.epsilon, exponent: -20)
    let gain = number(channel, norm, table, store) * deviation.inverseSquareRoot
    let mean = number(channel, norm + 2, table, store)
    let bias = number(channel, norm + 1, table, store).fixed(-12) - (mean * gain).fixed(-12)
    return ChannelScale(factor: gain, bias: (bias + 8) >> 4)
  }

  private func biasScale<Table: ModelTable, Store: WeightStore & ~Copyable>(
    _ neuron: Int, _ tensor: Int, _ table: Table, _ store: borrowing Store
  ) -> ChannelScale {
    let bias = number(neuron, tensor, table, store).fixed(-12)
    return ChannelScale(factor: Scaled(1), bias: (bias + 8) >> 4)
  }

  /// An element of a tensor of float32.
  private func number<Table: ModelTable, Store: WeightStore & ~Copyable>(
    _ index: Int, _ tensor: Int, _ table: Table, _ store: borrowing Store
  ) -> Scaled {
    float(at: table.place(of: tensor).offset + 4 * index, store)
  }

  private func float<Store: WeightStore & ~Copyable>(
    at offset: Int, _ store: borrowing Store
  ) -> Scaled {
    var bits: UInt32 = 0
    for place in 0..<4 { bits |= UInt32(store[offset + place]) << UInt32(8 * place) }
    return Scaled(floatBits: bits)
  }

  /// The first layer's weights are few, so they come as floats: here they become integers of 14 bits.
  private mutating func prepareKernels<Store: WeightStore & ~Copyable>(_ store: borrowing Store) {
    var unit = -64
    for index in 0..<memory.kernels.count {
      let weight = float(at: offsets[0] + 4 * index, store)
      if weight.mantissa != 0 { unit = max(unit, weight.exponent + 1) }
    }
    for index in 0..<memory.kernels.count {
      memory.kernels[index] = Int16(
        truncatingIfNeeded: float(at: offsets[0] + 4 * index, store).fixed(unit))
    }
    units[0] = Int32(truncatingIfNeeded: unit)
  }
}
