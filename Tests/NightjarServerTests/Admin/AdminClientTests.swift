//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import NightjarServer
import Testing

struct AdminClientTests {
    @Test func takesAnAnswerApart() {
        let answer = AdminClient.parse(Array("HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\n\r\nno\n".utf8))
        #expect(answer == AdminClient.Answer(status: 409, text: "no\n"))
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\n", "SSH-2.0-x\r\n\r\n", "HTTP/1.1 x\r\n\r\n"])
    func knowsWhatIsNone(text: String) {
        #expect(AdminClient.parse(Array(text.utf8)) == nil)
    }

    @Test func saysWhatToDoWhenNobodyAnswers() throws {
        let client = try AdminClient(.unix(path: "/nowhere/admin.sock"), port: 8080)
        let error = #expect(throws: AdminClient.Unanswered.self) { try client.post("/reload") }
        #expect(error?.description.contains("no server answers at unix:/nowhere/admin.sock") == true)
        #expect(throws: AdminClient.Unanswered.self) { try AdminClient(.off, port: 8080) }
    }

    @Test(
        arguments: [
            ("route=chat", "chat"), ("a=b&route=games%2Ftic", "games/tic"), ("", nil), ("route", ""), ("x=1", nil),
        ] as [(String, String?)]
    )
    func findsTheRouteInAQuery(query: String, route: String?) {
        #expect(AdminPages.route(in: query) == route)
    }
}
