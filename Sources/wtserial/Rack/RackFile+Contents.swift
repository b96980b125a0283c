import ArgumentParser
import TOML

/// What a rack's file says of what becomes of a model.
extension RackFile {
  static let contentKeys = [
    "precision", "codec", "order", "sensitivity", "priority", "prune", "quantizer", "bits",
  ]

  func contents(of table: TOMLTable) throws(TOMLError) -> ContentOptions {
    var contents = ContentOptions()
    contents.givenPrecision = try Self.choice("precision", table, Self.names(Precision.self))
    contents.codec = try Self.choice("codec", table, Self.names(CodecName.self))
    contents.givenOrder = try Self.choice("order", table, Self.names(OrderName.self))
    contents.quantizer = try Self.choice("quantizer", table, Self.names(QuantizerName.self))
    contents.bits = try table.integer("bits", in: 2...8)
    contents.givenShare = try Self.share("prune", table)
    contents.sensitivity = try table.string("sensitivity").map(besideFile)
    contents.priority = try Self.priorities("priority", table)
    return contents
  }

  private static func names<Name: CaseIterable & RawRepresentable<String>>(
    _ type: Name.Type
  ) -> String {
    type.allCases.map(\.rawValue).joined(separator: ", ")
  }

  private static func share(_ key: String, _ table: TOMLTable) throws(TOMLError) -> Double? {
    guard let entry = table[key] else { return nil }
    switch entry.value {
    case .float(let share): return share
    case .integer(let share): return Double(share)
    case .string, .boolean, .array, .table, .tables: throw entry.isNot("a share such as 0.5")
    }
  }

  /// One as a string, or several as an array.
  private static func priorities(
    _ key: String, _ table: TOMLTable
  ) throws(TOMLError) -> [PriorityOption] {
    guard let entry = table[key] else { return [] }
    let values: [TOMLValue] =
      if case .array(let values) = entry.value { values } else { [entry.value] }
    var priorities: [PriorityOption] = []
    for value in values {
      guard case .string(let text) = value, let priority = PriorityOption(argument: text) else {
        throw TOMLError(
          line: entry.line,
          "`\(key)` takes \"pattern=factor\", such as \"head.*=4\", or a list of such")
      }
      priorities.append(priority)
    }
    return priorities
  }
}

extension ContentOptions {
  /// Refuses what does not go together, as the command line does.
  func check(for board: TOMLTable) throws(TOMLError) {
    do {
      try validate()
    } catch let error as ValidationError {
      // Keys have no hyphens.
      let reason = error.message.replacing("--", with: "")
      let end = reason.hasSuffix(".") ? reason.dropLast() : reason[...]
      throw TOMLError(line: board.line, end.prefix(1).lowercased() + end.dropFirst())
    } catch {
      preconditionFailure("nothing else is thrown by options that do not fit: \(error)")
    }
  }
}
