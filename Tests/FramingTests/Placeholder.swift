import Testing

@testable import Framing
