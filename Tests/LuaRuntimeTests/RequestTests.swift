//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct RequestTests {
    @Test(arguments: [
        ("req.method, req.path, req.target", "GET\t/chat\t/chat?name=ada"),
        ("req.ip, req.host, req.secure", "127.0.0.1\tlocalhost:8080\ttrue"),
        ("req.params.room, req.query.name, #req.query.empty, req.query.none", "blue\tada\t0\tnil"),
        ("req.headers['user-agent'], req.headers['User-Agent'], req.headers.None", "test\ttest\tnil"),
        ("req.headers['x-two'], req.headers[1], getmetatable(req.headers)", "a, b\tnil\tfalse"),
        ("req.cookies.session", "s3"),
        ("#req.protocols, req.protocols[1], req.protocols[2]", "2\tv2\tv1"),
        ("req.body", "nil"),
        ("req.params == conn.params", "true"),
    ])
    func hasFields(expressions: String, result: String) throws {
        let fixture = try Fixture("return { connect = function(conn, req) print(\(expressions)) end }")
        try fixture.connect()
        #expect(fixture.host.log == ["info test.lua:1 #1 \(result)"])
    }

    @Test func isNilWhenTheHostHasForgottenIt() throws {
        let fixture = try Fixture("return { connect = function(conn, req) print(req, conn.path, conn.protocol) end }")
        let id = fixture.host.connect(5)
        fixture.host.requests[id] = nil
        _ = try fixture.vm.connect(id)
        #expect(fixture.host.log == ["info test.lua:1 #5 nil\tnil\tnil"])
    }

    @Test func protocolIsNilWithoutOne() throws {
        let fixture = try Fixture(handler: "print(conn.protocol)")
        fixture.host.requests[ConnectionID(rawValue: 1)]?.subprotocol = nil
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 nil"])
    }
}
