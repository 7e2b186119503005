//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

extension WebSocketConnection {
    /// What a peer may use of us; beyond it the connection ends.
    ///
    /// Kept in few bytes, because each connection has a copy.
    package struct Limits: Hashable, Sendable {
        /// The time over which control frames are counted.
        package static let controlFrameWindow: Duration = .seconds(10)

        private(set) var messageNanoseconds: UInt64
        private(set) var keepAliveIntervalNanoseconds: UInt64
        private(set) var keepAliveTimeoutNanoseconds: UInt64
        private(set) var closeNanoseconds: UInt64
        private var messageSize: UInt32
        private var fragments: UInt32
        private var controlFrames: UInt32

        package init(
            maxMessageSize: Int = 1 << 20,
            maxFragments: Int = 4096,
            messageTime: Duration = .seconds(60),
            keepAliveInterval: Duration = .seconds(25),
            keepAliveTimeout: Duration = .seconds(20),
            closeTimeout: Duration = .seconds(5),
            maxControlFrames: Int = 200
        ) {
            messageSize = UInt32(Self.clampedSize(maxMessageSize))
            fragments = UInt32(clamping: max(maxFragments, 1))
            controlFrames = UInt32(clamping: maxControlFrames)
            messageNanoseconds = messageTime.clampedNanoseconds
            keepAliveIntervalNanoseconds = keepAliveInterval.clampedNanoseconds
            keepAliveTimeoutNanoseconds = keepAliveTimeout.clampedNanoseconds
            closeNanoseconds = closeTimeout.clampedNanoseconds
        }

        /// The longest message in bytes, 0 to 1 GiB; more is refused with 1009 from the frame's header alone.
        package var maxMessageSize: Int {
            get { Int(messageSize) }
            set { messageSize = UInt32(Self.clampedSize(newValue)) }
        }

        /// The frames of one message, empty ones too, at least 1; more is refused with 1008.
        package var maxFragments: Int {
            get { Int(fragments) }
            set { fragments = UInt32(clamping: max(newValue, 1)) }
        }

        /// The time for a message from its first frame to its last, else 1008; zero is for ever.
        package var messageTime: Duration {
            get { Duration(clampedNanoseconds: messageNanoseconds) }
            set { messageNanoseconds = newValue.clampedNanoseconds }
        }

        /// The time without a byte from the peer after which it is sent a ping; zero is never.
        package var keepAliveInterval: Duration {
            get { Duration(clampedNanoseconds: keepAliveIntervalNanoseconds) }
            set { keepAliveIntervalNanoseconds = newValue.clampedNanoseconds }
        }

        /// The time without a byte after that ping, when the peer counts as gone; zero is never: it is pinged again.
        package var keepAliveTimeout: Duration {
            get { Duration(clampedNanoseconds: keepAliveTimeoutNanoseconds) }
            set { keepAliveTimeoutNanoseconds = newValue.clampedNanoseconds }
        }

        /// The time from our Close, or from the peer's, to the end of the connection.
        package var closeTimeout: Duration {
            get { Duration(clampedNanoseconds: closeNanoseconds) }
            set { closeNanoseconds = newValue.clampedNanoseconds }
        }

        /// The control frames in one `controlFrameWindow`; more is refused with 1008, and 0 is no limit.
        package var maxControlFrames: Int {
            get { Int(controlFrames) }
            set { controlFrames = UInt32(clamping: newValue) }
        }

        func messageDeadline(from start: MonotonicTime) -> MonotonicTime {
            messageNanoseconds > 0 ? start.advanced(byNanoseconds: messageNanoseconds) : .never
        }

        // A ByteBuffer holds less than 4 GiB and doubles when it grows.
        private static func clampedSize(_ size: Int) -> Int {
            min(max(size, 0), 1 << 30)
        }
    }
}
