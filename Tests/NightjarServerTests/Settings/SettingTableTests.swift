//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct SettingTableTests {
    private struct Root: SettingsRoot {
        var number = 1
    }

    private let table = SettingTable(
        ["host", "limits.a", "drain.x", "limits.b", "slow", "limits.c", "drain.y"].map {
            Setting<Root>($0, .integer(.at(\.number), 0...9), "A number.")
        }
    )

    @Test func keepsSectionsTogether() {
        let keys = ["host", "limits.a", "limits.b", "limits.c", "drain.x", "drain.y", "slow"]
        #expect(self.table.settings.map(\.key) == keys)
        #expect(self.table.names(below: "") == ["host", "limits", "drain", "slow"])
        #expect(self.table.names(below: "limits") == ["a", "b", "c"])
        #expect(self.table.names(below: "host") == [])
    }

    @Test func findsSettingsAndSections() {
        #expect(self.table["limits.b"]?.key == "limits.b")
        #expect(self.table["limits"] == nil && self.table["b"] == nil)
        #expect(self.table.isSection("limits") && !self.table.isSection("limit") && !self.table.isSection("host"))
        #expect(self.table.key(endingIn: "y") == "drain.y")
        #expect(self.table.key(endingIn: "host") == nil)
    }

    @Test func readsASettingAsPartOfSomethingLarger() {
        struct Whole: SettingsRoot {
            var root = Root()
        }
        let setting = Setting<Root>("n", .integer(.at(\.number), 0...9), "A number.").lifted(to: \Whole.root)
        var whole = Whole()
        #expect(setting.set("7", in: &whole) && whole.root.number == 7)
        #expect(!setting.set("10", in: &whole) && setting.text(in: whole) == "7")
    }
}
