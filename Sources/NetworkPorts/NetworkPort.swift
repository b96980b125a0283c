package import SerialDriver
internal import SystemPackage

/// An open serial port behind a TCP connection: raw, or with RFC 2217.
///
/// A class, since every use changes its state, of which `Port` keeps one case of several.
package final class NetworkPort {
  // What a server says before it closes a connection that it does not want: a line or two.
  private static let greetingByteCountLimit = 256
  // Bytes taken from the socket at a time while an answer is waited for.
  private static let portionByteCount = 4096
  // How long a server may take to close its side when all has been said.
  private static let closingNanoseconds: UInt64 = 300_000_000

  package let address: NetworkAddress
  /// The rate that the server runs the port at, in bits a second; for a raw connection, the rate that the user says it
  /// has.
  package internal(set) var baudRate: UInt32
  let patience: Patience
  private let connection: Connection
  /// nil on a raw connection.
  var client: ComPortClient?
  /// What the port is known to be set to; what is set already is not sent again.
  var settings = ComPortSettings()
  // Data that came while an answer was waited for.
  private var input: [UInt8] = []
  // All that was received, while it is short and text.
  private var greeting: [UInt8]? = []
  // What came first on a raw connection: as much as tells Telnet.
  private var opening: [UInt8] = []
  // When what was written has left the line behind the server, if nothing else delays it.
  private var lineFreeAt: UInt64 = 0

  /// Connects, and where the server controls the port, sets it up and drops what it received before.
  ///
  /// - Throws: `NetworkPortError`.
  package init(
    opening address: NetworkAddress, _ settings: PortSettings, _ patience: Patience
  ) throws {
    self.address = address
    self.patience = patience
    baudRate = settings.baudRate
    connection = try Self.connect(to: address, patience)
    if address.access == .comPort {
      client = ComPortClient()
      try setUp(settings)
      greeting = nil
    }
  }

  deinit {
    close()
  }

  private static func connect(
    to address: NetworkAddress, _ patience: Patience
  ) throws -> Connection {
    let deadline = patience.now + address.timeoutNanoseconds
    let addresses = Connection.addresses(of: address.host, port: address.port)
    guard !addresses.isEmpty else { throw NetworkPortError.unknownHost(address) }
    var failure = Errno.timedOut
    for candidate in addresses {
      do {
        let connection = try Connection(to: candidate)
        let descriptor = connection.descriptor
        guard try patience.wait(for: .writable, of: descriptor, until: deadline) else { break }
        try connection.checkConnected()
        return connection
      } catch let error as Errno {
        failure = error
      }
    }
    throw NetworkPortError.unreachable(address, failure)
  }

  /// Whether the rate can be changed.
  package var isRateAdjustable: Bool { client != nil }

  /// Whether anything has come but a few words, which may be those of a server that turns us away.
  package var hasCarried: Bool { greeting == nil }

  /// Whether a raw connection began with a negotiation of Telnet, so that the server takes bytes of 0xFF for
  /// commands and doubles its own.
  package var soundsLikeTelnet: Bool { Telnet.isNegotiation(opening) }

  /// The descriptor, to wait for; it stays the port's.
  package var descriptor: CInt { connection.descriptor }

  // MARK: - Bytes

  /// Whether there is something to read although the descriptor may say nothing.
  package var hasInput: Bool { !input.isEmpty }

  /// What to watch the descriptor for while there is something to write, or nothing.
  package func interest(hasOutput: Bool) -> Poller.Interest {
    // A server that wants no data now will say when it does.
    let isWanted = hasOutput && client?.isSuspended != true
    return isWanted || holdsOutput ? [.readable, .writable] : .readable
  }

  // Whether something waits for the connection to take it.
  private var holdsOutput: Bool { client?.output.isEmpty == false }

  /// Appends what has been received to `bytes`, as far as it has room.
  ///
  /// - Returns: the number of bytes; 0 where nothing has come.
  package func read(into bytes: inout OutputSpan<UInt8>) throws -> Int {
    if input.isEmpty { try fill(upTo: bytes.freeCapacity) }
    let count = min(input.count, bytes.freeCapacity)
    for index in 0..<count { bytes.append(input[index]) }
    input.removeFirst(count)
    return count
  }

  /// Queues a front part of `bytes`.
  ///
  /// - Returns: the number of bytes taken; 0 where the queue is full.
  package func write(_ bytes: Span<UInt8>) throws -> Int {
    try flush()
    guard !holdsOutput, client?.isSuspended != true else { return 0 }
    let count: Int
    if client == nil {
      count = try send(bytes)
    } else {
      client?.send(bytes)
      count = bytes.count
      try flush()
    }
    lineFreeAt = max(lineFreeAt, patience.now) + wireNanoseconds(byteCount: count)
    return count
  }

  /// Sends what waits, as far as the connection takes it.
  package func flush() throws {
    guard let output = client?.output, !output.isEmpty else { return }
    let count = try send(output.span)
    client?.output.removeFirst(count)
  }

  /// Bytes that have not left, as far as it is known here: of those behind the connection only the
  /// time is known that they take on the line.
  package var outputQueueByteCount: Int {
    let now = patience.now
    let left = lineFreeAt > now ? (lineFreeAt - now) * UInt64(baudRate) / 10_000_000_000 + 1 : 0
    return (client?.output.count ?? 0) + connection.unacknowledgedByteCount + Int(left)
  }

  private func wireNanoseconds(byteCount: Int) -> UInt64 {
    UInt64(byteCount) * 10_000_000_000 / UInt64(baudRate)
  }

  /// Sleeps until what was written should have left the line.
  func drain() throws {
    try patience.sleep(until: lineFreeAt)
  }

  private func send(_ bytes: Span<UInt8>) throws -> Int {
    do throws(Errno) {
      return try connection.send(bytes)
    } catch {
      throw lost(error)
    }
  }

  /// Takes what the connection has, at most so many bytes of it.
  private func fill(upTo byteCount: Int) throws {
    guard byteCount > 0 else { return }
    var isAtEnd = false
    var failure: Errno?
    let bytes = [UInt8](capacity: byteCount) { output in
      do throws(Errno) {
        isAtEnd = try connection.read(into: &output) == 0
      } catch {
        failure = error
      }
    }
    if let failure { throw lost(failure) }
    guard !isAtEnd else { throw lost(nil) }
    let old = input.count
    if client == nil {
      opening += bytes.prefix(Telnet.negotiationByteCount - opening.count)
      input += bytes
    } else {
      client?.receive(bytes.span, into: &input)
      try flush()
    }
    keepGreeting(input[old...])
  }

  // MARK: - The end

  private func keepGreeting(_ bytes: ArraySlice<UInt8>) {
    guard let known = greeting else { return }
    let isShort = known.count + bytes.count <= Self.greetingByteCountLimit
    let isText = bytes.allSatisfy { (0x20...0x7E).contains($0) || $0 == 0x0A || $0 == 0x0D }
    greeting = isShort && isText ? known + bytes : nil
  }

  private func lost(_ error: Errno?) -> NetworkPortError {
    switch error {
    case nil, .connectionReset, .brokenPipe, .timedOut, .noRouteToHost, .networkUnreachable,
      .connectionAbort, .networkDown, .hostIsDown:
      .disconnected(address, words: greeting.map { String(decoding: $0, as: UTF8.self) })
    case let error?: .system(address, error)
    }
  }

  /// Waits for bytes of the server and takes them; false where `deadline` comes first.
  func pump(until deadline: UInt64) throws -> Bool {
    let interest: Poller.Interest = holdsOutput ? [.readable, .writable] : .readable
    guard try patience.wait(for: interest, of: descriptor, until: deadline) else { return false }
    try flush()
    try fill(upTo: Self.portionByteCount)
    return true
  }

  /// Drops what has been received and not been read.
  func dropInput() { input.removeAll() }

  /// Says goodbye: a connection that is closed with bytes unread is reset, and the server may drop what it has not sent yet.
  private func close() {
    connection.finish()
    let deadline = patience.now + Self.closingNanoseconds
    while (try? pump(until: deadline)) == true { input.removeAll() }
  }
}
