import Testing

@testable import LineModel
