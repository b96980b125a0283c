public import Device

/// Images with their labels.
public protocol DigitsSamples {
  /// How many there are.
  var count: Int { get }
  /// A pixel: 0 for paper to 16 for ink.
  func pixel(_ place: Int, of image: Int) -> UInt8
  /// What an image shows: 0 to 9.
  func label(of image: Int) -> Int
}

/// Tries the network on images, a piece at a time, with the weights as they are.
public struct DigitsTrial<Samples: DigitsSamples>: ~Copyable {
  /// How many images were recognized, of how many.
  public struct Result: Equatable, Sendable {
    /// Those that were.
    public let correct: Int
    /// Those that were tried.
    public let count: Int

    /// Of a hundred, with two digits behind the point that are not written.
    public var percentage: Int32 {
      Int32(truncatingIfNeeded: (10_000 &* correct &+ count / 2) / max(count, 1))
    }
  }

  private let samples: Samples
  private var network: DigitsNetwork
  private var image = 0
  private var correct = 0
  // Images of this trial; 0 while there is none.
  private var count = 0
  private var isOpen = false

  /// Computes in this memory.
  public init(_ samples: Samples, _ memory: DigitsMemory) {
    self.samples = samples
    network = DigitsNetwork(memory)
  }

  /// Whether a trial is under way.
  public var isRunning: Bool { image < count }

  /// Begins a trial on the first images.
  public mutating func begin<Table: ModelTable, Store: WeightStore & ~Copyable>(
    count: Int, _ table: Table, _ store: borrowing Store
  ) {
    (image, correct, isOpen) = (0, 0, false)
    self.count = min(count, samples.count)
    network.prepare(table, store)
  }

  /// Gives up a trial.
  public mutating func stop() { count = 0 }

  /// Computes a channel of a layer; the result with the last one of the last image.
  public mutating func step<Store: WeightStore & ~Copyable>(
    _ store: borrowing Store
  ) -> Result? {
    guard isRunning else { return nil }
    if !isOpen {
      network.begin { [samples, image] place in samples.pixel(place, of: image) }
      isOpen = true
    }
    guard let found = network.step(store) else { return nil }
    if found == samples.label(of: image) { correct += 1 }
    image += 1
    isOpen = false
    return image == count ? Result(correct: correct, count: count) : nil
  }
}
