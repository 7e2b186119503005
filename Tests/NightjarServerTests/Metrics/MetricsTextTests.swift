//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct MetricsTextTests {
    @Test func addsUpAllLoops() {
        let loops = [Counters(), Counters()]
        loops[0].add(.exceeded(.message), 2)
        loops[1].add(.exceeded(.message), 3)
        loops[1].add(.open, -1)
        var text = MetricsText()
        text.append(loops)
        let lines = text.text.split(separator: "\n")
        #expect(lines.contains("nightjar_limit_exceeded_total{limit=\"message\"} 5"))
        #expect(lines.contains("# TYPE nightjar_limit_exceeded_total counter"))
        #expect(lines.contains("# TYPE nightjar_connections gauge"))
        #expect(lines.contains("nightjar_connections 0"))
        #expect(text.text.hasSuffix("\n"))
    }

    @Test func escapesWhatWouldEndALabel() {
        var text = MetricsText()
        text.append(gauge: "a", "A \\ \"b\"\n.", label: ("v", "1\"\\\n"), 1)
        #expect(text.text == "# HELP a A \\\\ \"b\"\\n.\n# TYPE a gauge\na{v=\"1\\\"\\\\\\n\"} 1\n")
    }
}
