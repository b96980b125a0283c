/// A serial port of a place of a lab, as a user names it: `labgrid://PLACE[/RESOURCE][?OPTION&…]`.
///
/// Without PLACE it is that of the environment variable LG_PLACE; `+` stands for the reservation in
/// LG_TOKEN, as with labgrid-client. The options are those of `rfc2217://`.
package struct LabgridName: Equatable, Sendable {
  /// What the user wrote: the name of the port.
  package let text: String
  /// Empty for that of the environment.
  let place: String
  /// The name of one of several ports that the place has.
  let resource: String?
  /// The options, with the question mark; empty for none.
  let query: String

  /// Reads a name; nil where the text is none, but that of another kind of port.
  package init?(_ text: String) {
    let scheme = "labgrid://"
    guard text.lowercased().hasPrefix(scheme) else { return nil }
    let rest = text.dropFirst(scheme.count)
    let path = rest.prefix { $0 != "?" }
    let slash = path.firstIndex(of: "/") ?? path.endIndex
    let resource = path[slash...].dropFirst()
    self.text = text
    place = String(path[..<slash])
    self.resource = resource.isEmpty ? nil : String(resource)
    query = String(rest[path.endIndex...])
  }
}
