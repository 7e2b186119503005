//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

import Glibc
import NightjarServer
import Testing

struct LogSinkTests {
    private let pipe = TestPipe()

    @Test func writesLinesInOrder() {
        let sink = LogSink(descriptor: pipe.writeEnd, format: .text)
        for i in 0..<100 { #expect(sink.write(line(i))) }
        #expect(pipe.readLines(100) == (0..<100).map { "line \($0)" })
        #expect(sink.flush(within: .seconds(10)))
        #expect(sink.droppedLines == 0)
    }

    /// The pipe is full and nobody reads: no call waits, and what is beyond the limit is lost and counted.
    @Test func dropsTheNewestLinesBeyondTheLineLimit() {
        pipe.fill()
        let sink = LogSink(descriptor: pipe.writeEnd, format: .text, lineLimit: 4)
        #expect((0..<10).map { sink.write(line($0)) } == (0..<10).map { $0 < 4 })
        #expect(sink.droppedLines == 6)
        #expect(!sink.flush(within: .milliseconds(10)))

        let lines = pipe.readLines(5)
        #expect(lines.prefix(4) == ["line 0", "line 1", "line 2", "line 3"])
        #expect(lines.last?.hasSuffix("warning  6 log lines dropped: the log's reader is too slow") == true)

        #expect(sink.flush(within: .seconds(10)))
        #expect(sink.write(line(10)))
        #expect(pipe.readLines(1) == ["line 10"])
        #expect(sink.droppedLines == 6)
    }

    /// One gap, one notice: after a line that did not fit, a shorter one that would is refused too.
    @Test func dropsTheNewestLinesBeyondTheByteLimit() {
        pipe.fill()
        let sink = LogSink(descriptor: pipe.writeEnd, format: .json, byteLimit: 20)
        #expect(sink.write(line(0)))
        #expect(sink.write(line(1)))
        #expect(!sink.write(line(2)))
        #expect(!sink.write(Array("x\n".utf8)))

        let lines = pipe.readLines(3)
        #expect(lines.prefix(2) == ["line 0", "line 1"])
        #expect(lines.last?.hasSuffix(#""message":"2 log lines dropped: the log's reader is too slow"}"#) == true)
    }

    @Test func saysOneLineInTheSingular() {
        pipe.fill()
        let sink = LogSink(descriptor: pipe.writeEnd, format: .text, lineLimit: 1)
        sink.write(line(0))
        sink.write(line(1))
        #expect(pipe.readLines(2).last?.hasSuffix(" 1 log line dropped: the log's reader is too slow") == true)
    }

    @Test func takesALineOfAnySizeWhenIdle() {
        let sink = LogSink(descriptor: pipe.writeEnd, format: .text, byteLimit: 1)
        #expect(sink.write(line(0)))
        #expect(pipe.readLines(1) == ["line 0"])
        #expect(sink.flush(within: .seconds(10)))
        #expect(sink.write(line(1)))
        #expect(pipe.readLines(1) == ["line 1"])
    }

    @Test func neverStallsThoseWhoLog() async {
        pipe.fill()
        let sink = LogSink(descriptor: pipe.writeEnd, format: .text)
        await withTaskGroup { group in
            for _ in 0..<4 {
                group.addTask { for i in 0..<10_000 { sink.write(line(i)) } }
            }
        }
        #expect(sink.droppedLines == 40_000 - 8192)
        pipe.closeReadEnd()
        #expect(sink.flush(within: .seconds(10)))
    }

    @Test func keepsTheOrderOfEachThread() async {
        let sink = LogSink(descriptor: pipe.writeEnd, format: .text)
        await withTaskGroup { group in
            for task in 0..<4 {
                group.addTask { for i in 0..<1000 { sink.write(Array("\(task) \(i)\n".utf8)) } }
            }
        }
        let lines = pipe.readLines(4000)
        for task in 0..<4 {
            #expect(lines.filter { $0.hasPrefix("\(task) ") } == (0..<1000).map { "\(task) \($0)" })
        }
    }

    @Test func survivesAReaderThatIsGone() {
        let sink = LogSink(descriptor: pipe.writeEnd, format: .text)
        pipe.closeReadEnd()
        for i in 0..<3 {
            sink.write(line(i))
            #expect(sink.flush(within: .seconds(10)))
            #expect(sink.droppedLines == i + 1)
        }
    }

    @Test func survivesAClosedDescriptor() {
        let sink = LogSink(descriptor: -1, format: .text)
        sink.write(line(0))
        #expect(sink.flush(within: .seconds(10)))
        #expect(sink.droppedLines == 1)
    }

    @Test func saysWhatAFailureCostAfterIt() {
        let broken = TestPipe()
        broken.closeReadEnd()
        let sink = LogSink(descriptor: broken.writeEnd, format: .text)
        for i in 0..<2 {
            sink.write(line(i))
            #expect(sink.flush(within: .seconds(10)))
        }
        // The same descriptor, working again, as a disk that has been given room.
        dup2(pipe.writeEnd, broken.writeEnd)
        sink.write(line(2))
        let lines = pipe.readLines(2)
        #expect(lines.first == "line 2")
        #expect(lines.last?.hasSuffix("warning  2 log lines dropped: Broken pipe") == true)
    }

    @Test func waitsForANonBlockingDescriptor() {
        pipe.fill()
        pipe.isNonBlocking = true
        let sink = LogSink(descriptor: pipe.writeEnd, format: .text)
        sink.write(line(0))
        #expect(!sink.flush(within: .milliseconds(10)))
        #expect(pipe.readLines(1) == ["line 0"])
        #expect(sink.flush(within: .seconds(10)))
        #expect(sink.droppedLines == 0)
    }

    @Test func writesWhatIsQueuedWhenItGoes() {
        pipe.fill()
        var sink: LogSink? = LogSink(descriptor: pipe.writeEnd, format: .text)
        sink?.write(line(0))
        sink = nil
        #expect(pipe.readLines(1) == ["line 0"])
    }

    @Test func flushesNothingAtOnce() {
        let sink = LogSink(descriptor: pipe.writeEnd, format: .text)
        #expect(sink.flush(within: .zero))
        #expect(sink.flush(within: .seconds(-1)))
    }
}

private func line(_ number: Int) -> [UInt8] {
    Array("line \(number)\n".utf8)
}
