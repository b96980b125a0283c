/// What a device does besides taking a model, as its INFO says (Protocol.md §5.2).
///
/// A firmware says by its table which of it is worth the code: what is not named is left out.
public struct DeviceServices: Sendable {
  // A bit for each, as on the wire, and one that is not told.
  private let bits: UInt8

  private init(_ bits: UInt8) { self.bits = bits }

  /// Nothing.
  public static var none: DeviceServices { DeviceServices(0) }
  /// It tells which model is in use, so that this one need not come again; who does more does this, too.
  public static var tells: DeviceServices { DeviceServices(128) }
  /// It goes on with a transfer behind a reset or a power cut.
  public static var resumes: DeviceServices { DeviceServices(1) }
  /// Tensors of the model in use can stay, and need not come.
  public static var keeps: DeviceServices { DeviceServices(2) }
  /// Tensors in planes may come as what differs from those of the model in use; it takes memory, too, by
  /// `ModelTable.Differences`.
  public static var takesDifferences: DeviceServices { DeviceServices(8) }
  /// It tells which models it holds.
  public static var lists: DeviceServices { DeviceServices(16) }
  /// It holds two models, and changes between them when it is told.
  public static var switches: DeviceServices { DeviceServices(32) }
  /// It sends the model in use to whoever asks for it.
  public static var gives: DeviceServices { DeviceServices(64) }
  /// All that there is.
  public static var all: DeviceServices {
    tells + resumes + keeps + takesDifferences + lists + switches + gives
  }

  /// Both.
  public static func + (one: DeviceServices, other: DeviceServices) -> DeviceServices {
    DeviceServices(one.bits | other.bits)
  }

  /// What both have.
  @inline(__always)
  static func common(_ one: DeviceServices, _ other: DeviceServices) -> DeviceServices {
    DeviceServices(one.bits & other.bits)
  }

  /// As INFO says it.
  @inline(__always)
  var abilities: UInt8 { bits & 0x7F }

  @inline(__always)
  var isEmpty: Bool { bits == 0 }

  @inline(__always)
  func contains(_ other: DeviceServices) -> Bool { bits & other.bits != 0 }
}

extension DeviceReceiver where Store: ~Copyable {
  /// What the firmware asks for, as far as the store can do it: known when the program is compiled.
  @inline(__always)
  static var services: DeviceServices {
    .common(.common(Table.services, Store.services), Table.Differences.services)
  }

  @inline(__always)
  static func does(_ service: DeviceServices) -> Bool { services.contains(service) }
}
