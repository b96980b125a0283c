// swift-tools-version: 6.2
import PackageDescription

// The architecture in code: one target per layer, and a layer may import only what is named here.
// Portable layers know no Foundation, no clock and no descriptor; they also build for Embedded Swift.
// `Scripts/check` compares every `import` with these lists.

let common: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]
// Makes the host build reject what the embedded compiler would, such as untyped throws.
let portable: [SwiftSetting] = common + [.treatWarning("EmbeddedRestrictions", as: .error)]

let package = Package(
  name: "wtserial",
  products: [
    .executable(name: "wtserial", targets: ["wtserial"]),
    .library(name: "Transfer", targets: ["Transfer"]),
    // All that a microcontroller needs to receive a model.
    .library(name: "Device", targets: ["Device"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    // Portable layers, from the line upwards.
    .target(
      name: "Framing",
      // Only where there is an operating system; `CRC32` uses it with `canImport`.
      dependencies: [.target(name: "CZlib", condition: .when(platforms: [.linux, .macOS]))],
      swiftSettings: portable),
    .target(name: "LinkLayer", dependencies: ["Framing"], swiftSettings: portable),
    .target(name: "Tensors", swiftSettings: portable),
    .target(name: "WeightCodec", dependencies: ["Tensors"], swiftSettings: portable),
    .target(name: "Streaming", dependencies: ["WeightCodec", "Tensors"], swiftSettings: portable),
    .target(
      name: "Transfer", dependencies: ["Streaming", "LinkLayer", "Framing", "Tensors"],
      swiftSettings: portable),
    .target(name: "Device", dependencies: ["WeightCodec", "Framing"], swiftSettings: portable),
    .target(
      name: "Digits", dependencies: ["Device"], path: "Hardware/digits", swiftSettings: portable),
    .target(name: "LineModel", swiftSettings: portable),

    // Host layers.
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .systemLibrary(name: "CZip", pkgConfig: "libzip", providers: [.apt(["libzip-dev"])]),
    .systemLibrary(name: "CUdev", pkgConfig: "libudev", providers: [.apt(["libudev-dev"])]),
    .target(name: "CSerial"),
    .target(name: "TOML", swiftSettings: common),
    .target(name: "CDigitsSamples", path: "Hardware/digits-samples"),
    .target(
      name: "Checkpoints",
      dependencies: ["Tensors", "CZip", .product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: common),
    .target(
      name: "SerialDriver",
      dependencies: ["CSerial", .product(name: "SystemPackage", package: "swift-system")],
      swiftSettings: common),
    .target(
      name: "NetworkPorts",
      dependencies: [
        "SerialDriver", "CSerial", .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: common),
    .target(
      name: "SerialPorts",
      dependencies: [
        "SerialDriver", "CUdev", .product(name: "SystemPackage", package: "swift-system"),
      ],
      // `doctor` prints them.
      resources: [.embedInCode("70-wtserial.rules")],
      swiftSettings: common),
    .target(
      name: "Runtime",
      dependencies: [
        "Transfer", "Streaming", "WeightCodec", "Tensors", "LinkLayer", "Framing", "Device",
        "Digits", "CDigitsSamples", "Checkpoints", "SerialDriver", "SerialPorts", "NetworkPorts",
        "LineModel", "CSerial", "CZlib",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: common),
    // Says which commit is built.
    .plugin(name: "CommitStamp", capability: .buildTool()),
    .executableTarget(
      name: "wtserial",
      dependencies: [
        "Runtime", "Transfer", "Streaming", "WeightCodec", "Tensors", "LinkLayer", "Checkpoints",
        "SerialDriver", "SerialPorts", "NetworkPorts", "LineModel", "TOML",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      exclude: ["events.schema.json"],
      swiftSettings: common, plugins: ["CommitStamp"]),

    // Tests: a target for each layer, named after it.
    .target(name: "TestVectors", path: "Tests/TestVectors", swiftSettings: common),
    .testTarget(
      name: "FramingTests", dependencies: ["Framing", "CZlib", "LineModel", "TestVectors"],
      swiftSettings: common),
    .target(
      name: "LinkSimulator",
      dependencies: [
        "Runtime", "Checkpoints", "Transfer", "Streaming", "WeightCodec", "Tensors", "LinkLayer",
        "Framing", "LineModel",
      ],
      path: "Tests/LinkSimulator", swiftSettings: common),
    // Not for `swift test`: Scripts/seeds and Scripts/throughput take their time.
    .executableTarget(
      name: "Seeds", dependencies: ["LinkSimulator"], path: "Tests/Seeds", swiftSettings: common),
    // Nor this one: Tests/CReceiver compares it with the receiver in C.
    .executableTarget(
      name: "Twin", dependencies: ["Device", "Framing"], path: "Tests/Twin", swiftSettings: common),
    .executableTarget(
      name: "CodecBench",
      dependencies: [
        "Checkpoints", "WeightCodec", "Tensors",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/CodecBench", exclude: ["README.md", "charts"], swiftSettings: common),
    .executableTarget(
      name: "Throughput",
      dependencies: ["Runtime", "Checkpoints", "Streaming", "LineModel"],
      path: "Tests/Throughput", exclude: ["table.txt"], swiftSettings: common),
    .testTarget(
      name: "LinkLayerTests",
      dependencies: [
        "LinkLayer", "Framing", "LineModel", "Runtime", "LinkSimulator", "TestVectors",
      ],
      swiftSettings: common),
    .testTarget(
      name: "WeightCodecTests",
      dependencies: ["WeightCodec", "Tensors", "LineModel", "TestVectors"], swiftSettings: common),
    .testTarget(
      name: "StreamingTests",
      dependencies: ["Streaming", "WeightCodec", "Tensors", "LineModel", "TestVectors"],
      swiftSettings: common),
    .testTarget(
      name: "TransferTests",
      dependencies: [
        "Runtime", "Transfer", "Streaming", "WeightCodec", "Tensors", "LinkLayer", "Framing",
        "LineModel", "LinkSimulator",
      ],
      swiftSettings: common),
    .testTarget(
      name: "DeviceTests",
      dependencies: [
        "Device", "Framing", "LinkLayer", "LinkSimulator", "LineModel", "Runtime", "Checkpoints",
        "Streaming", "Tensors", "Transfer", "WeightCodec", "Digits", "CDigitsSamples",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: common),
    .testTarget(name: "TOMLTests", dependencies: ["TOML"], swiftSettings: common),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors"], swiftSettings: common),
    .testTarget(name: "LineModelTests", dependencies: ["LineModel"], swiftSettings: common),
    .testTarget(
      name: "CheckpointsTests",
      dependencies: [
        "Checkpoints", "Tensors", .product(name: "SystemPackage", package: "swift-system"),
      ],
      resources: [.copy("Fixtures")], swiftSettings: common),
    .testTarget(
      name: "SerialDriverTests",
      dependencies: [
        "SerialDriver", "CSerial", .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: common),
    .testTarget(
      name: "SerialPortsTests",
      dependencies: [
        "SerialPorts", "SerialDriver", .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: common),
    .testTarget(
      name: "NetworkPortsTests", dependencies: ["NetworkPorts", "LineModel"],
      swiftSettings: common),
    .testTarget(
      name: "RuntimeTests",
      dependencies: [
        "Runtime", "SerialDriver", "LineModel", "LinkLayer", "CSerial", "Checkpoints", "Streaming",
        "Tensors", "Transfer", "WeightCodec", "TestVectors",
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: common),
  ]
)
