package import SerialDriver
internal import SystemPackage

/// An open port of any kind, non-blocking: what a transfer runs over.
package enum Port: ~Copyable {
  /// A serial port of this machine.
  case serial(SerialPort)

  /// Opens the port that a user has named and sets it up.
  ///
  /// - Throws: `SerialError`.
  package init(opening name: String, _ settings: PortSettings) throws {
    self = .serial(try SerialPort(opening: FilePath(name), settings))
  }

  /// The descriptor, to wait for; it stays the port's.
  package var descriptor: CInt {
    switch self {
    case .serial(let port): port.descriptor
    }
  }

  /// The rate that the line runs at, in bits a second, as far as it is known.
  package var baudRate: UInt32 {
    switch self {
    case .serial(let port): port.baudRate
    }
  }

  /// Whether the rate means something and can be changed, so that a faster one is worth looking for.
  package var isRateAdjustable: Bool {
    switch self {
    case .serial(let port): !port.isPseudoTerminal
    }
  }

  /// What is remembered of the adapter behind the port.
  package var rateMemory: RateMemory {
    switch self {
    case .serial(let port): RateMemory(port: port.path)
    }
  }

  /// Appends what has been received to `bytes`, as far as it has room.
  ///
  /// - Returns: the number of bytes; 0 where nothing has come.
  package func read(into bytes: inout OutputSpan<UInt8>) throws -> Int {
    switch self {
    case .serial(let port): try port.read(into: &bytes)
    }
  }

  /// Queues a front part of `bytes`.
  ///
  /// - Returns: the number of bytes taken; 0 where the queue is full.
  package func write(_ bytes: Span<UInt8>) throws -> Int {
    switch self {
    case .serial(let port): try port.write(bytes)
    }
  }

  /// Bytes that have not yet left, as far as it is known here.
  package var outputQueueByteCount: Int {
    get throws {
      switch self {
      case .serial(let port): try port.outputQueueByteCount
      }
    }
  }

  /// Runs the line at another rate once all that is queued has been sent.
  package mutating func setRate(_ baudRate: UInt32) throws {
    switch consume self {
    case .serial(var port):
      // A payload cannot be changed in place: it goes back whatever comes of it.
      let result = Result { () throws(SerialError) in try port.setRate(baudRate) }
      self = .serial(port)
      try result.get()
    }
  }

  /// Those of `candidates` that the line can run at; it is left at the rate it has.
  package func reachableRates(of candidates: [UInt32]) throws -> [UInt32] {
    switch self {
    case .serial(let port): try port.reachableRates(of: candidates)
    }
  }

  /// Puts the port back as it was and closes it, as the end of its life would.
  package consuming func close() {}
}
