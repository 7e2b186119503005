//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import Testing

struct SandboxTests {
    /// Everything that can be reached from the globals through fields and metatables: nothing may be here by accident.
    @Test func reachesTheListedNamesOnly() throws {
        let fixture = try Fixture(
            """
            local seen, names = {}, {}
            local function walk(value, path)
                if type(value) == "table" then
                    if seen[value] then return end
                    seen[value] = true
                    for key, inner in pairs(value) do walk(inner, path .. "." .. tostring(key)) end
                end
                names[#names + 1] = path
                local metatable = getmetatable(value)
                if metatable then walk(metatable, path .. "<meta>") end
            end
            for name, value in pairs(_G) do if name ~= "_G" then walk(value, name) end end
            table.sort(names)
            print(table.concat(names, " "))
            return {}
            """
        )
        let golden = """
            _VERSION assert collectgarbage coroutine coroutine.close coroutine.create coroutine.isyieldable \
            coroutine.resume coroutine.running coroutine.status coroutine.wrap coroutine.yield error getmetatable \
            ipairs math math.abs math.acos math.asin math.atan math.ceil math.cos math.deg math.exp math.floor \
            math.fmod math.huge math.log math.max math.maxinteger math.min math.mininteger math.modf math.pi \
            math.rad math.random math.randomseed math.sin math.sqrt math.tan math.tointeger math.type math.ult \
            next os os.clock os.date os.time pairs pcall print rawequal rawget rawlen rawset require select \
            setmetatable string string.byte string.char string.find string.format string.gmatch string.gsub \
            string.len string.lower string.match string.pack string.packsize string.rep string.reverse string.sub \
            string.unpack string.upper table table.concat table.insert table.move table.pack table.remove \
            table.sort table.unpack tonumber tostring type utf8 utf8.char utf8.charpattern utf8.codepoint \
            utf8.codes utf8.len utf8.offset \
            ws \
            ws.after \
            ws.broadcast \
            ws.clock \
            ws.conns \
            ws.crypto ws.crypto.base64 ws.crypto.base64_decode ws.crypto.base64url ws.crypto.base64url_decode \
            ws.crypto.equal ws.crypto.hex ws.crypto.hex_decode ws.crypto.hmac_sha256 ws.crypto.random ws.crypto.sha256 \
            ws.env \
            ws.every \
            ws.get \
            ws.json ws.json.array ws.json.decode ws.json.encode ws.json.null \
            ws.log ws.log.debug ws.log.error ws.log.info ws.log.warn \
            ws.now \
            ws.room ws.rooms \
            ws.shared ws.shared.add ws.shared.cas ws.shared.delete ws.shared.get ws.shared.incr ws.shared.set \
            ws.sleep \
            ws.spawn \
            ws.uuid \
            ws.version \
            ws.wait \
            ws.wake \
            xpcall
            """
        #expect(fixture.host.log == ["info test.lua:14 \(golden)"])
    }

    /// Ways out that were found in other hosts. Each expression must be false or raise.
    @Test(arguments: [
        "load", "loadstring", "dofile", "loadfile", "io", "debug", "package", "warn", "_ENV.load", "_G.dofile",
        "string.dump", "('x').dump", "os.execute", "os.exit", "os.getenv", "os.remove", "os.rename", "os.tmpname",
        "os.setlocale", "getmetatable('')", "getmetatable('').__index", "getmetatable(conn)", "getmetatable(ws)",
        "getmetatable(_G)", "getmetatable(print)", "setmetatable(_G, nil)", "setmetatable(ws, {})",
        "setmetatable(conn, {})", "setmetatable('', {})", "setmetatable({}, { __gc = print })",
        "pcall(setmetatable, {}, { __gc = 1 })", "collectgarbage()", "collectgarbage('stop')",
        "collectgarbage('generational')", "require 'os'", "require '_G'", "pcall(require, '../test')",
        "select(2, pcall(error)) ", "rawget(_G, 'io')", "rawget(string, 'dump')", "next({}, 'x')",
        "coroutine.running() == nil", "coroutine.close(coroutine.running())", "pcall(string.rep, 'x', -1) == nil",
        "pcall(string.rep, 'x', 1 << 40)", "pcall(table.unpack, {}, 1, 1e7)", "pcall(string.format, '%1000d', 1)",
        "rawlen(conn) == 0 and rawset(conn, 'a', 1)", "rawset(ws.log, 1)", "pcall(rawset, conn, 'id', 1)",
        "pcall(next, conn)", "pcall(ipairs)", "string.pack('i17', 1)", "utf8.char(-1)",
    ])
    func staysInside(expression: String) throws {
        let fixture = try Fixture(
            handler: "local ok, value = pcall(function() return \(expression) end) print(ok and value or false)"
        )
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 false"])
    }

    @Test func stringsKeepMethodsAndArithmetic() throws {
        #expect(try printed("('x'):rep(3), '10' + 5, #('\\u{20AC}')") == "xxx\t15\t3")
    }

    @Test func countsItsMemory() throws {
        #expect(try printed("math.type(collectgarbage('count')), collectgarbage('count') > 10") == "float\ttrue")
    }

    @Test func setmetatableWorks() throws {
        let body = "local mt = { __index = { a = 1 }, __close = print } local t = setmetatable({}, mt)"
        #expect(
            try printed("t.a, getmetatable(t) == mt, setmetatable(t, nil) == t, t.a", after: body)
                == "1\ttrue\ttrue\tnil"
        )
    }

    @Test(arguments: [
        ("setmetatable({}, { __gc = print })", "setmetatable: __gc is not supported; use __close"),
        ("setmetatable(setmetatable({}, { __metatable = 1 }), {})", "cannot change a protected metatable"),
        ("setmetatable(1, {})", "bad argument #1 to 'setmetatable' (table expected, got number)"),
        ("setmetatable({})", "bad argument #2 to 'setmetatable' (nil or table expected, got no value)"),
        ("collectgarbage('step')", "collectgarbage: only \"count\" is supported; the server collects by itself"),
        ("return undefined", "undefined global 'undefined'"),
        ("new = 1", "new global 'new': make it local, or define it at the top level"),
        ("_G[1] = 1", "new global 'number': make it local, or define it at the top level"),
    ])
    func misuseRaises(body: String, message: String) throws {
        let text = try failure(of: body).message
        #expect(text.hasPrefix("test.lua:1: \(message)"), "\(text)")
    }

    @Test func theTopLevelMayDefineGlobals() throws {
        let fixture = try Fixture(
            "assert(undefined == nil) count = 1 return { message = function() count = count + 1 print(count) end }"
        )
        try fixture.message()
        #expect(fixture.host.log == ["info test.lua:1 #1 2"])
    }

    /// Two VMs share nothing, not even the metatable of strings.
    @Test func scriptsShareNothing() throws {
        let first = try Fixture("shared = 1 string.upper = nil rawset(ws, 'room', 1) return {}")
        let second = try Fixture("print(shared, ('x'):upper(), ws.room ~= 1) return {}")
        #expect(first.host.log == [])
        #expect(second.host.log == ["info test.lua:1 nil\tX\ttrue"])
    }
}
