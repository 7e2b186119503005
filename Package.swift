// swift-tools-version: 6.2
import PackageDescription

// The rooms of the house and the arrows between them; docs/architecture.md says why, `make lint` holds the imports to it.
let package = Package(
    name: "nightjar",
    products: [
        .executable(name: "nightjar", targets: ["nightjar"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // The system's Lua. The module is empty on purpose: Swift can link it and never see it.
        .systemLibrary(name: "CLua", pkgConfig: "lua5.4", providers: [.apt(["liblua5.4-dev"])]),
        .target(name: "CLuaRuntime", dependencies: ["CLua"]),
        .target(name: "LuaRuntime", dependencies: ["CLuaRuntime"]),
        // The system's zlib, for permessage-deflate.
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        // What Swift's module of the C library leaves out: giving memory back to the system.
        .systemLibrary(name: "CMalloc"),
        .target(name: "WebSocketCore", dependencies: ["CZlib", .product(name: "NIOCore", package: "swift-nio")]),
        .target(
            name: "NightjarServer",
            dependencies: [
                "CMalloc",
                "WebSocketCore",
                "LuaRuntime",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOTLS", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "DequeModule", package: "swift-collections"),
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            // In the binary, so that it stays one file: PackageResources.console_html.
            resources: [.embedInCode("Console/console.html")]
        ),
        .executableTarget(
            name: "nightjar",
            dependencies: [
                "NightjarServer",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ]
        ),
        .testTarget(
            name: "WebSocketCoreTests",
            dependencies: ["WebSocketCore", .product(name: "NIOCore", package: "swift-nio")]
        ),
        // The system's Lua as it is, to hold ours against.
        .target(name: "CStockLua", dependencies: ["CLua"], path: "Tests/CStockLua"),
        .testTarget(
            name: "LuaRuntimeTests",
            dependencies: ["CStockLua", "LuaRuntime"],
            exclude: ["attacks", "differential"]
        ),
        // A malloc that counts, in front of the C library's.
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .testTarget(
            name: "NightjarServerTests",
            dependencies: [
                "CAllocationCounter",
                "NightjarServer",
                "WebSocketCore",
                "LuaRuntime",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ]
        ),
        // What holds for all bytes: tried with many by `make fuzz`, with the kept ones by the tests.
        .target(
            name: "FuzzProperties",
            dependencies: [
                "CStockLua", "LuaRuntime", "WebSocketCore", .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Fuzz/Properties"
        ),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzProperties"]),
        .testTarget(
            name: "NightjarTests",
            dependencies: [
                "nightjar", "NightjarServer", "WebSocketCore", .product(name: "Logging", package: "swift-log"),
            ]
        ),
    ],
    cLanguageStandard: .c11
)

// The fuzzer's main program links only with the fuzzer, so it is there for `make fuzz` alone.
if Context.environment["NIGHTJAR_FUZZ"] != nil {
    package.targets.append(
        .executableTarget(name: "fuzz", dependencies: ["FuzzProperties"], path: "Fuzz/Driver")
    )
}

// What `make bench-instructions` runs, and nobody else needs.
if Context.environment["NIGHTJAR_BENCH"] != nil {
    package.targets.append(
        .executableTarget(
            name: "cores",
            dependencies: [
                "CStockLua", "LuaRuntime", "WebSocketCore", .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Benchmarks/Cores"
        )
    )
}

for target in package.targets where target.type != .system {
    let isC = target.name.hasPrefix("C")
    if isC {
        target.cSettings = [.treatAllWarnings(as: .error), .enableWarning("all"), .enableWarning("extra")]
    } else {
        target.swiftSettings = [
            .swiftLanguageMode(.v6),
            .treatAllWarnings(as: .error),
            .enableUpcomingFeature("ExistentialAny"),
            .enableUpcomingFeature("InternalImportsByDefault"),
            .enableUpcomingFeature("MemberImportVisibility"),
        ]
    }
}
