//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct PathPatternTests {
    @Test(
        arguments: [
            ("/", [.literal("")], []),
            ("/echo", [.literal("echo")], []),
            ("/games/", [.literal("games"), .literal("")], []),
            ("/chat/:room", [.literal("chat"), .parameter("room")], ["room"]),
            ("/:a/:_b1/c", [.parameter("a"), .parameter("_b1"), .literal("c")], ["a", "_b1"]),
            ("/files/*", [.literal("files"), .rest], ["*"]),
            ("/*", [.rest], ["*"]),
            ("/:user/*", [.parameter("user"), .rest], ["user", "*"]),
            ("/aZ09-._~!$&'()+,;=@", [.literal("aZ09-._~!$&'()+,;=@")], []),
            ("/a/-/b", [.literal("a"), .literal("-"), .literal("b")], []),
            ("/.../..a", [.literal("..."), .literal("..a")], []),
        ] as [(String, [PathPattern.Segment], [String])]
    )
    func readsPatterns(text: String, segments: [PathPattern.Segment], names: [String]) throws {
        let pattern = try PathPattern(text)
        #expect(pattern.text == text)
        #expect(pattern.segments == segments)
        #expect(pattern.names == names)
    }

    @Test(
        arguments: [
            ("", .noSlash), ("chat", .noSlash), (":room", .noSlash), ("*", .noSlash),
            ("/" + String(repeating: "a", count: 1024), .tooLong),
            ("/-", .reserved), ("/-/", .reserved), ("/-/console", .reserved), ("/-/:x", .reserved),
            ("//", .emptySegment), ("/a//b", .emptySegment), ("//a", .emptySegment),
            ("/.", .dots), ("/a/../b", .dots),
            ("/*/a", .restInside), ("/a*", .restInside), ("/*a", .restInside), ("/a/**", .restInside),
            ("/*/", .restInside),
            ("/:", .badName), ("/:1a", .badName), ("/:a-b", .badName), ("/:a*", .badName), ("/:ü", .badName),
            ("/:a:b", .badName),
            ("/:a/b/:a", .nameTwice("a")),
            ("/a:b", .badCharacter), ("/a b", .badCharacter), ("/a?b", .badCharacter), ("/a#b", .badCharacter),
            ("/%61", .badCharacter), ("/é", .badCharacter), ("/a\n", .badCharacter), ("/a\0", .badCharacter),
            ("/\u{301}a", .badCharacter),
        ] as [(String, PathPattern.Malformed)]
    )
    func refusesOtherTexts(text: String, reason: PathPattern.Malformed) {
        #expect(throws: reason) { try PathPattern(text) }
    }

    @Test(arguments: [
        ("/chat/:room", "/chat/:id", true), ("/:a/:b", "/:b/:a", true), ("/a/*", "/a/*", true),
        ("/chat/:room", "/chat/room", false), ("/chat", "/chat/", false), ("/chat/*", "/chat/:rest", false),
        ("/:a/b", "/a/:b", false),
    ])
    func knowsPatternsOfTheSamePaths(one: String, other: String, isSame: Bool) throws {
        #expect(try (PathPattern(one).shape == PathPattern(other).shape) == isSame)
    }
}
