internal import CUdev

/// What the kernel and the rules of udev know of devices, by libudev.
///
/// Nothing here opens a device. Without a udev daemon, as in most containers, there are only the kernel's attributes.
@safe final class Udev {
  fileprivate let context: OpaquePointer

  init() {
    // It fails where memory does, and nowhere else.
    guard let context = unsafe udev_new() else { preconditionFailure("no memory for libudev") }
    unsafe self.context = context
  }

  deinit {
    _ = unsafe udev_unref(context)
  }

  /// All devices of a subsystem, such as `tty`, in no particular order.
  func devices(ofSubsystem subsystem: String) -> [UdevDevice] {
    guard let enumeration = unsafe udev_enumerate_new(context) else { return [] }
    defer { _ = unsafe udev_enumerate_unref(enumeration) }
    _ = unsafe udev_enumerate_add_match_subsystem(enumeration, subsystem)
    _ = unsafe udev_enumerate_scan_devices(enumeration)
    var devices: [UdevDevice] = []
    var next = unsafe udev_enumerate_get_list_entry(enumeration)
    while let entry = unsafe next {
      // A device may have gone since it was listed.
      if let path = unsafe udev_list_entry_get_name(entry),
        let pointer = unsafe udev_device_new_from_syspath(context, path)
      {
        unsafe devices.append(UdevDevice(owning: pointer))
      }
      unsafe next = udev_list_entry_get_next(entry)
    }
    return devices
  }
}

/// A device of the kernel, a folder below `/sys/devices`.
@safe final class UdevDevice {
  private let pointer: OpaquePointer

  fileprivate init(owning pointer: OpaquePointer) {
    unsafe self.pointer = pointer
  }

  deinit {
    _ = unsafe udev_device_unref(pointer)
  }

  /// The folder.
  var systemPath: String { unsafe text(udev_device_get_syspath(pointer)) ?? "" }
  /// The folder's own name, such as `ttyUSB0` or `1-1.4:1.0`.
  var systemName: String { unsafe text(udev_device_get_sysname(pointer)) ?? "" }
  var subsystem: String? { unsafe text(udev_device_get_subsystem(pointer)) }
  var driver: String? { unsafe text(udev_device_get_driver(pointer)) }
  /// The node in `/dev`.
  var node: String? { unsafe text(udev_device_get_devnode(pointer)) }

  /// A property that the rules of udev have set.
  func property(_ name: String) -> String? {
    unsafe text(udev_device_get_property_value(pointer, name))
  }

  /// A small file in the device's folder, without blanks at its end.
  func attribute(_ name: String) -> String? {
    unsafe text(udev_device_get_sysattr_value(pointer, name))
  }

  /// The device that this one is part of.
  var parent: UdevDevice? {
    guard let parent = unsafe udev_device_get_parent(pointer) else { return nil }
    return unsafe UdevDevice(owning: udev_device_ref(parent))
  }

  /// The nearest device above of a kind, such as the `usb_interface` of subsystem `usb`.
  func parent(ofSubsystem subsystem: String, type: String? = nil) -> UdevDevice? {
    guard
      let parent = unsafe udev_device_get_parent_with_subsystem_devtype(pointer, subsystem, type)
    else { return nil }
    return unsafe UdevDevice(owning: udev_device_ref(parent))
  }

  private func text(_ pointer: UnsafePointer<CChar>?) -> String? {
    unsafe pointer.map { unsafe String(cString: $0) }
  }
}

/// Tells when devices of a subsystem come, go or change.
@safe final class UdevMonitor {
  // The monitor works in it.
  private let udev: Udev
  private let pointer: OpaquePointer

  /// Listens from now on; nil where the system does not let us.
  init?(_ udev: Udev, subsystem: String, isDaemonRunning: Bool) {
    // What the daemon says comes when its rules have run and links and permissions are there. Where
    // there is none, its group would stay silent for ever.
    guard
      let pointer = unsafe udev_monitor_new_from_netlink(
        udev.context, isDaemonRunning ? "udev" : "kernel")
    else { return nil }
    self.udev = udev
    unsafe self.pointer = pointer
    guard unsafe udev_monitor_filter_add_match_subsystem_devtype(pointer, subsystem, nil) >= 0,
      unsafe udev_monitor_enable_receiving(pointer) >= 0
    else { return nil }
  }

  deinit {
    _ = unsafe udev_monitor_unref(pointer)
  }

  /// Becomes readable when there is news; it stays the monitor's.
  var descriptor: CInt { unsafe udev_monitor_get_fd(pointer) }

  /// Takes all news off the descriptor; whether there was any.
  func drain() -> Bool {
    var hasNews = false
    while let device = unsafe udev_monitor_receive_device(pointer) {
      _ = unsafe udev_device_unref(device)
      hasNews = true
    }
    return hasNews
  }
}
