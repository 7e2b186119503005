//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import LuaRuntime
import NightjarServer
import Testing

struct CountersTests {
    @Test func addsAndReads() {
        let counters = Counters()
        counters.add(.messagesSent)
        counters.add(.messagesSent, 4)
        counters.add(.exceeded(.buffered))
        #expect(counters[.messagesSent] == 5)
        #expect(counters[.exceeded(.buffered)] == 1)
        #expect(counters[.exceeded(.total)] == 0)
    }

    /// Each counter of each family has a slot of its own: what is added to one is seen in no other.
    @Test func keepsAllCountersApart() {
        let all = Counter.families.flatMap { $0.series.map(\.counter) }
        #expect(Set(all).count == all.count)
        let counters = Counters()
        for (place, counter) in all.enumerated() {
            counters.add(counter, place + 1)
        }
        #expect(all.map { counters[$0] } == Array(1...all.count))
    }

    @Test func tellsEveryValueOfEveryLabel() {
        let all = Set(Counter.families.flatMap { $0.series.map(\.counter) })
        #expect(Limit.allCases.allSatisfy { all.contains(.exceeded($0)) })
        #expect(ViolationKind.allCases.allSatisfy { all.contains(.violation($0)) })
        #expect(Refusal.allCases.allSatisfy { all.contains(.refused($0)) })
        #expect(CloseClass.allCases.allSatisfy { all.contains(.closed($0)) })
        #expect(ScriptError.Kind.allCases.allSatisfy { all.contains(.scriptError($0)) })
    }

    @Test func knowsHowManySocketsAreGone() {
        let counters = Counters()
        counters.add(.accepted, 10)
        counters.add(.exceeded(.connections), 3)
        counters.add(.exceeded(.connectionsPerIP), 2)
        counters.add(.exceeded(.total), 100)
        counters.add(.handshakes, 4)
        counters.add(.open, 1)
        #expect(counters.socketsGone == 10)
    }

    /// The rules of Prometheus for names.
    @Test func namesWhatGrowsATotal() {
        #expect(Set(Counter.families.map(\.name)).count == Counter.families.count)
        for family in Counter.families {
            #expect(family.name.hasPrefix("nightjar_") && family.name.hasSuffix("_total") == !family.isGauge)
            #expect(family.help.hasSuffix("."))
        }
    }
}
