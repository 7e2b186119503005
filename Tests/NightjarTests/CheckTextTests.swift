//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing
import nightjar

struct CheckTextTests {
    @Test(arguments: [
        ("scripts", "scripts/"), ("./scripts/", "scripts/"), ("/home/a/scripts", "scripts/"),
        ("/home/ab/scripts", "/home/ab/scripts/"),
        ("/srv/scripts", "/srv/scripts/"), (".", ""), ("./", ""), ("/home/a", ""), ("/home/a/", ""), ("../b", "../b/"),
        ("/", "/"),
    ])
    func placesAreSeenFromTheCurrentFolder(scripts: String, prefix: String) {
        #expect(CheckText.prefix(of: scripts, from: "/home/a") == prefix)
    }

    @Test func everyProblemIsALineThatEditorsFind() {
        var configuration = NightjarConfiguration()
        configuration.routePlaces["cht"] = .file("n.yaml", line: 3)
        let report = ScriptCheck.Report(
            scriptCount: 1,
            problems: [
                .script(Diagnosis(file: "a.lua", message: "red \u{1B}[31m\nmore")),
                .unknownRoute("cht", routes: ["chat"]),
                .misconfigured(place: "n.yaml:4", "path: cannot be `x`"),
                .other("the scripts folder cannot be read"),
            ]
        )
        let text = CheckText.problems(report, scripts: "s", current: "/", configuration: configuration)
        #expect(
            text == """
                s/a.lua: error: red \\x1b[31m
                    more
                n.yaml:3: error: unknown route `routes.cht`: did you mean `chat`?
                n.yaml:4: error: path: cannot be `x`
                error: the scripts folder cannot be read
                4 errors in 1 script

                """
        )
    }

    @Test func countsWhatIsRight() {
        #expect(
            CheckText.success(ScriptCheck.Report(scriptCount: 2, routeCount: 1)) == "2 scripts, 1 route: no errors\n"
        )
    }
}
