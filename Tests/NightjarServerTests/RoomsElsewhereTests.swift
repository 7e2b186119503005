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
import WebSocketCore

/// Rooms of other routes, and those of a route that has a VM on each loop.
struct RoomsElsewhereTests {
    /// Its clients are in the room that they name, from then on.
    private static let chat = """
        return {
          message = function(conn, data) conn:join(data) end,
          close = function(conn, code) print("closed", code, conn.rooms[1]) end,
        }
        """

    // MARK: - Other routes

    @Test(arguments: [1, 2, 3])
    func aScriptReachesTheRoomsOfAnotherRoute(loops: Int) throws {
        let news = """
            local early = ws.room("a", "chat")
            return { message = function(conn, data)
              local room = ws.room("a", "chat")
              assert(room == early and room ~= ws.room("a"))
              conn:join("a")
              conn:send(room.count .. " " .. early:broadcast("news: " .. data) .. " " .. ws.room("none", "chat").count)
            end }
            """
        let town = try TestTown(loops: loops, [("news", news, .one), ("chat", Self.chat, .one)])
        let editor = try town.connect(to: "news")
        let readers = try (0..<6).map { try town.connect(to: "chat", on: $0 % loops) }
        for (index, reader) in readers.enumerated() { reader.send(index < 4 ? "a" : "b") }
        town.run()
        editor.send("1")
        editor.send("2")
        town.run()
        #expect(editor.texts == ["4 4 0", "4 4 0"])
        for reader in readers[..<4] { #expect(reader.texts == ["news: 1", "news: 2"]) }
        for reader in readers[4...] { #expect(reader.texts == []) }
        readers[0].transport.close()
        town.run()
        editor.send("3")
        town.run()
        #expect(editor.texts.last == "3 3 0")
        #expect(town.log.texts(.error) == [])
    }

    @Test(arguments: [1, 2])
    func exceptsRoomsOfTheOtherRoute(loops: Int) throws {
        let news = """
            return { message = function()
              ws.room("a", "chat"):broadcast("x", { except = { ws.room("b", "chat") } })
            end }
            """
        let town = try TestTown(loops: loops, [("news", news, .one), ("chat", Self.chat, .one)])
        let (one, two) = (try town.connect(to: "chat"), try town.connect(to: "chat", on: loops - 1))
        for room in ["a", "b"] { two.send(room) }
        one.send("a")
        try town.connect(to: "news").send("go")
        town.run()
        #expect(one.texts == ["x"])
        #expect(two.texts == [])
    }

    /// Another loop makes the frames, and does not know who needs which.
    @Test(arguments: [1, 2])
    func aMessageFromAnotherRouteIsCompressedForWhoWantsIt(loops: Int) throws {
        let news = "return { message = function() ws.room('a', 'chat'):broadcast(('x'):rep(5000)) end }"
        let town = try TestTown(loops: loops, [("news", news, .one), ("chat", Self.chat, .one)])
        var small = DeflateParameters()
        small.serverNoContextTakeover = true
        small.serverMaxWindowBits = 10
        var large = small
        large.serverMaxWindowBits = 15
        let clients = try [nil, small, large, DeflateParameters()].map { try town.connect(to: "chat", deflate: $0) }
        for client in clients { client.send("a") }
        town.run()
        try town.connect(to: "news", on: loops - 1).send("go")
        town.run()
        for (index, client) in clients.enumerated() {
            #expect(client.texts == [String(repeating: "x", count: 5000)])
            #expect((client.receivedBytes > 5000) == (index == 0))
        }
    }

    @Test func aRouteIsCalledAsInTheConfiguration() throws {
        let script = """
            return { message = function(conn, data)
              print(pcall(ws.room, "a", data))
            end }
            """
        let town = try TestTown(
            loops: 1,
            [("one", script, .one), ("two", "return {}", .one), ("six", "return {}", .one)]
        )
        let client = try town.connect(to: "one")
        for name in ["one", "two", "/two", "two.lua"] { client.send(name) }
        #expect(
            town.log.texts(.info)
                == [
                    "true\troom a", "true\troom a of two",
                    "false\tthere is no route \"/two\": the others are six, two",
                    "false\tthere is no route \"two.lua\": the others are six, two",
                ].map { $0.replacing("false\tthere", with: "false\tws.room: there") }
        )
    }

    // MARK: - A VM on each loop

    private static let perCore = """
        local script = {}
        local orders = {}
        function script.connect(conn) conn:join("all") end
        function script.message(conn, data) orders[data](conn) end
        function script.close(conn, code) print("closed", code) end
        local function count(iterator)
          local n = 0
          for _ in iterator do n = n + 1 end
          return n
        end
        function orders.tell(conn)
          local room = ws.room("all")
          local names = {}
          for name in ws.rooms() do names[#names + 1] = name .. ws.room(name).count end
          table.sort(names)
          conn:send(room.count .. " " .. count(room:conns()) .. " " .. count(ws.conns()) .. " " .. table.concat(names, ","))
        end
        function orders.own(conn) conn:join("loop " .. ws.instance) end
        function orders.x(conn) conn:join("x") end
        function orders.unx(conn) conn:leave("x") end
        function orders.all(conn)
          local n = ws.room("all"):broadcast("all", { except = conn })
          conn:send(n .. " " .. ws.broadcast("route", { except = conn }) .. " " .. ws.room("x"):broadcast("x"))
        end
        function orders.but(conn) ws.broadcast("but", { except = ws.room("x") }) end
        function orders.two(conn) ws.broadcast("two", { rooms = { "x", "all" } }) end
        function orders.sweep(conn) conn:send("swept " .. ws.room("x"):disconnect(4001, "swept")) end
        return script
        """

    @Test func countsAndRoomsAreThoseOfTheNode() throws {
        let town = try TestTown(loops: 3, [("core", Self.perCore, .perCore)])
        let clients = try (0..<5).map { try town.connect(to: "core", on: $0 % 3) }
        clients[0].send("own")
        clients[1].send("x")
        clients[2].send("x")
        clients[4].send("tell")
        #expect(clients[4].texts.last?.hasPrefix("5 2 2 all5,loop ") == true)
        #expect(clients[4].texts.last?.hasSuffix("1,x2") == true)
        clients[1].send("unx")
        clients[2].transport.close()
        clients[3].send("tell")
        #expect(clients[3].texts.last?.hasPrefix("4 2 2 all4,loop ") == true)
        #expect(clients[3].texts.last?.hasSuffix("1") == true)
    }

    @Test func broadcastsReachAllLoops() throws {
        let town = try TestTown(loops: 3, [("core", Self.perCore, .perCore)])
        let clients = try (0..<6).map { try town.connect(to: "core", on: $0 % 3) }
        clients[1].send("x")
        clients[5].send("x")
        clients[0].send("all")
        town.run()
        #expect(clients[0].texts == ["5 5 2"])
        for (index, client) in clients.enumerated().dropFirst() {
            #expect(client.texts == ["all", "route"] + ([1, 5].contains(index) ? ["x"] : []))
        }
        clients[2].send("but")
        clients[2].send("two")
        town.run()
        for (index, client) in clients.enumerated() {
            #expect(client.texts.suffix(2) == (index == 1 || index == 5 ? [client.texts[2], "two"] : ["but", "two"]))
        }
    }

    @Test func disconnectReachesAllLoopsAndEachHasOneClose() throws {
        let town = try TestTown(loops: 3, [("core", Self.perCore, .perCore)])
        let clients = try (0..<6).map { try town.connect(to: "core", on: $0 % 3) }
        for client in clients.dropFirst(2) { client.send("x") }
        clients[0].send("sweep")
        // What they still say, the VM does not hear once it has been told.
        town.run()
        for client in clients.dropFirst(2) { client.send("tell") }
        town.run()
        #expect(clients[0].texts == ["swept 4"])
        for client in clients.dropFirst(2) {
            #expect(client.close == .close(4001, "swept"))
            #expect(client.texts == [])
            client.acknowledgeClose()
            client.transport.close()
        }
        town.run()
        #expect(town.log.texts(.info) == Array(repeating: "closed\t4001", count: 4))
        clients[1].send("tell")
        #expect(clients[1].texts == ["2 1 1 all2"])
        #expect(town.routes["core"]?.census.openCount == 2)
    }

    @Test func otherRoutesReachAllLoopsOfARouteWithMany() throws {
        let news = "return { message = function(conn) conn:send(ws.room('all', 'core'):broadcast('news') .. '') end }"
        let town = try TestTown(loops: 3, [("news", news, .one), ("core", Self.perCore, .perCore)])
        let clients = try (0..<6).map { try town.connect(to: "core", on: $0 % 3) }
        let editor = try town.connect(to: "news", on: 2)
        editor.send("go")
        town.run()
        #expect(editor.texts == ["6"])
        for client in clients { #expect(client.texts == ["news"]) }
    }

    /// Between VMs there is no order, but what one VM sends comes in its order, and once.
    @Test(arguments: 0..<10)
    func everythingArrivesOnceAndInTheOrderOfItsSender(seed: Int) throws {
        let script = """
            local number = 0
            return {
              connect = function(conn) conn:join("a") conn:join(ws.instance % 2 == 0 and "b" or "c") end,
              message = function(conn, data)
                number = number + 1
                local text = ws.instance .. " " .. number
                if data == "rooms" then ws.broadcast(text, { rooms = { "b", "a", "c" } })
                elseif data == "room" then ws.room("a"):broadcast(text)
                else ws.broadcast(text) end
              end,
            }
            """
        var random = SeededGenerator(seed: UInt64(seed))
        let town = try TestTown(loops: 3, [("core", script, .perCore)])
        let clients = try (0..<9).map { try town.connect(to: "core", on: $0 % 3) }
        var count = 0
        for _ in 0..<300 {
            if Bool.random(using: &random) {
                town.loops.randomElement(using: &random)?.run()
            } else {
                count += 1
                clients.randomElement(using: &random)?.send(
                    ["rooms", "room", "all"].randomElement(using: &random) ?? "all"
                )
            }
        }
        town.run()
        for client in clients {
            #expect(client.texts.count == count)
            for loop in 1...3 {
                let numbers = client.texts.filter { $0.hasPrefix("\(loop) ") }.compactMap { Int($0.dropFirst(2)) }
                #expect(numbers == (0..<numbers.count).map { $0 + 1 })
            }
        }
    }
}
