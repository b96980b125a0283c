package import Checkpoints
internal import Device
internal import Streaming

/// The table of a firmware that runs models like a checkpoint: of the same tensors, whatever their values.
package struct CheckpointTable: ModelTable {
  /// The TENSOR records of its manifest.
  package let bytes: [UInt8]

  package init(_ checkpoint: Checkpoint) {
    let manifest = Manifest(checkpoint, named: "").encoded()
    // Behind the OFFER, whose body is shorter than 128 bytes.
    bytes = Array(manifest[(2 + Int(manifest[1]))...])
  }

  /// What `wtserial device` does.
  static var services: DeviceServices { .all }
  typealias Differences = PlaneDifferences

  package var byteCount: Int { bytes.count }

  package func byte(at offset: Int) -> UInt8 { bytes[offset] }
}
