/// Tells a whole `torch.nn.Module` from other forbidden objects, so that the user can be told to
/// save its `state_dict()` instead.
///
/// The class may be anybody's; what gives it away are the attributes that every module has. They
/// follow soon after the class.
enum PickledModule {
  private static let attributes: [StaticString] = ["_parameters", "_buffers", "_modules"]
  private static let searchedByteCount = 1 << 20

  static func follows(_ region: ByteRegion, from offset: Int) -> Bool {
    let end = min(region.byteCount, offset + searchedByteCount)
    return attributes.allSatisfy { region.contains($0, in: offset..<end) }
  }
}
