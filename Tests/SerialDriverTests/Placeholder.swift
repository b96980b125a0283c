import Testing

@testable import SerialDriver
