public import Device

extension DigitsTable {
  /// All that a device does.
  public static var services: DeviceServices { .all }
  /// With memory for differences.
  public typealias Differences = PlaneDifferences
}
