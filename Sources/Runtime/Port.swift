package import NetworkPorts
package import SerialDriver
internal import SystemPackage

/// An open port of any kind, non-blocking: what a transfer runs over.
package enum Port: ~Copyable {
  /// A serial port of this machine.
  case serial(SerialPort)
  /// One behind a network.
  case network(NetworkPort)

  /// The descriptor, to wait for; it stays the port's.
  package var descriptor: CInt {
    switch self {
    case .serial(let port): port.descriptor
    case .network(let port): port.descriptor
    }
  }

  /// The rate that the line runs at, in bits a second, as far as it is known.
  package var baudRate: UInt32 {
    switch self {
    case .serial(let port): port.baudRate
    case .network(let port): port.baudRate
    }
  }

  /// Whether the rate means something and can be changed, so that a faster one is worth looking for.
  package var isRateAdjustable: Bool {
    switch self {
    case .serial(let port): !port.isPseudoTerminal
    case .network(let port): port.isRateAdjustable
    }
  }

  /// Whose affair flow control is.
  package enum FlowControlScope {
    /// The line's, as it was asked for.
    case line
    /// That of the server, which is not asked.
    case server
    /// Nobody's: there are no such lines.
    case nothing
  }

  /// What comes of flow control that is asked for.
  package var flowControlScope: FlowControlScope {
    switch self {
    case .serial(let port): port.isPseudoTerminal ? .nothing : .line
    case .network(let port): port.isRateAdjustable ? .line : .server
    }
  }

  /// What is remembered of the adapter behind the port.
  package var rateMemory: RateMemory {
    switch self {
    case .serial(let port): RateMemory(port: port.path)
    case .network(let port): RateMemory(adapter: port.address.memoryName)
    }
  }

  /// Appends what has been received to `bytes`, as far as it has room.
  ///
  /// - Returns: the number of bytes; 0 where nothing has come.
  package func read(into bytes: inout OutputSpan<UInt8>) throws -> Int {
    switch self {
    case .serial(let port): try port.read(into: &bytes)
    case .network(let port): try port.read(into: &bytes)
    }
  }

  /// Queues a front part of `bytes`.
  ///
  /// - Returns: the number of bytes taken; 0 where the queue is full.
  package func write(_ bytes: Span<UInt8>) throws -> Int {
    switch self {
    case .serial(let port): try port.write(bytes)
    case .network(let port): try port.write(bytes)
    }
  }

  /// Sends what the port itself keeps, as far as it can.
  package func flush() throws {
    switch self {
    case .serial: break
    case .network(let port): try port.flush()
    }
  }

  /// Whether there is something to read although the descriptor may say nothing.
  package var hasInput: Bool {
    switch self {
    case .serial: false
    case .network(let port): port.hasInput
    }
  }

  /// Whether what has been received can be the other end's, and not just words of a server that turns
  /// us away.
  package var hasCarried: Bool {
    switch self {
    case .serial: true
    case .network(let port): port.hasCarried
    }
  }

  /// Whether the server speaks Telnet where bytes are to go as they are.
  package var soundsLikeTelnet: Bool {
    switch self {
    case .serial: false
    case .network(let port): port.soundsLikeTelnet
    }
  }

  /// What to watch the descriptor for while there is something to write, or nothing.
  package func interest(hasOutput: Bool) -> Poller.Interest {
    switch self {
    case .serial: hasOutput ? [.readable, .writable] : .readable
    case .network(let port): port.interest(hasOutput: hasOutput)
    }
  }

  /// Bytes that have not yet left, as far as it is known here.
  package var outputQueueByteCount: Int {
    get throws {
      switch self {
      case .serial(let port): try port.outputQueueByteCount
      case .network(let port): port.outputQueueByteCount
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
    case .network(let port):
      self = .network(port)
      try port.setRate(baudRate)
    }
  }

  /// Those of `candidates` that the line can run at; it is left at the rate it has.
  package func reachableRates(of candidates: [UInt32]) throws -> [UInt32] {
    switch self {
    case .serial(let port): try port.reachableRates(of: candidates)
    case .network(let port): try port.reachableRates(of: candidates)
    }
  }

  /// Puts the port back as it was and closes it, as the end of its life would.
  package consuming func close() {}
}
