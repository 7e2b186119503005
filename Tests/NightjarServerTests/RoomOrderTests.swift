//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Logging
import LuaRuntime
import NIOEmbedded
import NightjarServer
import Testing

/// Clients on one loop, on two or on three join, leave and speak to rooms while a seeded generator decides what happens next:
/// who speaks, which loop runs, when the kernel takes bytes, who ends and how. The script keeps books of its own, in which each
/// call takes effect at once, and writes down what each connection is to receive; every client gets just that, in that order.
struct RoomOrderTests {
    private static let script = """
        local here, rooms, script = {}, {}, {}

        local function members(name)
          rooms[name] = rooms[name] or {}
          return rooms[name]
        end

        local function size(set)
          local n = 0
          for _ in pairs(set) do n = n + 1 end
          return n
        end

        -- Whoever is in one of the sets and in none of the others is to receive the text.
        local function expect(text, sets, except)
          local receivers = {}
          for _, set in ipairs(sets) do
            for conn in pairs(set) do receivers[conn] = true end
          end
          for _, set in ipairs(except) do
            for conn in pairs(set) do receivers[conn] = nil end
          end
          for conn in pairs(receivers) do ws.log.debug("expect " .. conn.id .. " " .. text) end
          return size(receivers)
        end

        local function forget(conn)
          here[conn] = nil
          for _, set in pairs(rooms) do set[conn] = nil end
        end

        local function check(conn)
          local listed, filled = 0, 0
          for other in ws.conns() do
            assert(here[other], "listed, but not here")
            listed = listed + 1
          end
          assert(listed == size(here), "not all are listed")
          for name, set in pairs(rooms) do
            if next(set) then filled = filled + 1 end
            assert(ws.room(name).count == size(set), name .. " has another count")
            local n = 0
            for other in ws.room(name):conns() do
              assert(set[other], "listed, but not in " .. name)
              n = n + 1
            end
            assert(n == size(set), "not all of " .. name .. " are listed")
          end
          for name in ws.rooms() do
            assert(next(members(name)), "listed, but empty")
            filled = filled - 1
          end
          assert(filled == 0, "not all rooms are listed")
          for _, name in ipairs(conn.rooms) do assert(members(name)[conn], "in " .. name .. " by mistake") end
        end

        function script.connect(conn)
          here[conn] = true
          conn:send("id " .. conn.id)
        end

        local verbs = {}
        function verbs.say(conn, text)
          ws.log.debug("expect " .. conn.id .. " " .. text)
          conn:send(text)
        end
        function verbs.all(conn, text)
          assert(expect(text, { here }, { { [conn] = true } }) == ws.broadcast(text, { except = conn }))
        end
        function verbs.join(conn, text, a)
          assert(conn:join(a) == ws.room(a))
          if here[conn] then members(a)[conn] = true end
        end
        function verbs.leave(conn, text, a)
          assert(conn:leave(a) == (here[conn] and true or nil))
          members(a)[conn] = nil
        end
        function verbs.room(conn, text, a)
          assert(expect(text, { members(a) }, {}) == ws.room(a):broadcast(text))
        end
        function verbs.others(conn, text, a)
          assert(expect(text, { members(a) }, { { [conn] = true } }) == ws.room(a):broadcast(text, { except = conn }))
        end
        function verbs.two(conn, text, a, b)
          assert(expect(text, { members(a), members(b) }, {}) == ws.broadcast(text, { rooms = { a, ws.room(b) } }))
        end
        function verbs.but(conn, text, a, b)
          local n = ws.room(a):broadcast(text, { except = { ws.room(b), conn } })
          assert(expect(text, { members(a) }, { members(b), { [conn] = true } }) == n)
        end
        function verbs.outside(conn, text, a)
          assert(expect(text, { here }, { members(a) }) == ws.broadcast(text, { except = ws.room(a) }))
        end
        function verbs.walk(conn, text, a, b)
          -- All of it in one event, and the receivers are those of the moment.
          verbs.join(conn, "", a)
          verbs.room(conn, text .. " in", a)
          verbs.leave(conn, "", a)
          verbs.room(conn, text .. " out", a)
          verbs.join(conn, "", b)
          verbs.two(conn, text .. " both", a, b)
        end
        function verbs.sweep(conn, text, a)
          -- What was broadcast before is received before the end.
          verbs.room(conn, text, a)
          assert(ws.room(a):disconnect(4001, "swept") == size(members(a)))
          for member in pairs(members(a)) do forget(member) end
          assert(ws.room(a).count == 0)
        end
        function verbs.close(conn, text, a)
          verbs.room(conn, text, a)
          assert(conn:close(4000))
          forget(conn)
          assert(#conn.rooms == 0)
        end

        function script.message(conn, data)
          local number, verb, a, b = data:match("^(%d+) (%a+) (%a) (%a)")
          verbs[verb](conn, data, a, b)
          check(conn)
        end

        function script.close(conn)
          forget(conn)
          check(setmetatable({ rooms = {} }, nil))
          ws.log.info("closed")
        end

        return script
        """

    private static let verbs =
        ["say", "all", "room", "others", "two", "but", "outside", "walk"] + Array(repeating: "join", count: 5)
        + Array(repeating: "leave", count: 3)

    @Test(arguments: [1, 2, 3], 0..<30)
    func everyCallTakesEffectInOrder(loops: Int, seed: Int) throws {
        let house = try TestHouse(Self.script, loops: loops)
        var random = Generator(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
        var clients: [(client: TestClient, hasEnded: Bool)] = []
        var number = 0
        func speak() -> String {
            number += 1
            let rare = Int.random(in: 0..<60, using: &random)
            let verb = rare == 0 ? "sweep" : rare == 1 ? "close" : Self.verbs.randomElement(using: &random) ?? "say"
            let (a, b) = ("abc".randomElement(using: &random) ?? "a", "bcd".randomElement(using: &random) ?? "b")
            return "\(number) \(verb) \(a) \(b)"
        }
        for _ in 0..<500 {
            let index = clients.indices.randomElement(using: &random)
            switch Int.random(in: 0..<20, using: &random) {
            case 0...1 where clients.count < 9:
                clients.append((try house.connect(on: Int.random(in: 0..<loops, using: &random)), false))
            case 2...8:
                guard let index, !clients[index].hasEnded else { continue }
                clients[index].client.send((0..<Int.random(in: 1...4, using: &random)).map { _ in speak() })
            case 9...11:
                guard let index else { continue }
                let room = Bool.random(using: &random) ? .max : Int.random(in: 0...900, using: &random)
                clients[index].client.transport.makeRoom(room)
            case 12...18:
                house.loops.randomElement(using: &random)?.run()
            case 19 where Int.random(in: 0..<5, using: &random) == 0:
                guard let index else { continue }
                clients[index].hasEnded = true
                switch Int.random(in: 0..<3, using: &random) {
                case 0: clients[index].client.sendClose()
                case 1: clients[index].client.transport.close()
                default: clients[index].client.feed([0xFF, 0x00])
                }
            default:
                break
            }
        }
        house.run()
        for (client, hasEnded) in clients {
            for _ in 0..<2000 where client.transport.later != nil { client.transport.makeRoom() }
            try self.check(client, hasEnded: hasEnded, house)
            client.transport.close()
        }
        house.run()
        #expect(house.log.texts(.error) == [], "\(house.log.lines.filter { $0.level == .error }.map(\.metadata))")
        #expect(house.log.texts(.info).filter { $0 == "closed" }.count == clients.count)
        #expect(house.runner.membersByID.isEmpty && house.runner.openCount == 0)
        #expect(house.runner.rooms.count == 0)
        #expect(house.workers.allSatisfy { $0.rooms[0].count == 0 })
        #expect(house.ledger.bytes == 0)
    }

    /// A client that has ended, or was closed, may not have seen the last of it.
    private func check(_ client: TestClient, hasEnded: Bool, _ house: TestHouse) throws {
        let texts = client.texts
        guard let id = texts.first?.dropFirst("id ".count), !id.isEmpty else {
            #expect(hasEnded)
            return
        }
        let start = "expect \(id) "
        let expected = house.log.texts(.debug).filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
        #expect(texts.dropFirst().elementsEqual(expected.prefix(texts.count - 1)))
        if !hasEnded {
            #expect(texts.count - 1 == expected.count)
        }
    }
}
