//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

package import LuaRuntime
package import NIOCore
package import WebSocketCore

/// How a connection ended, in the words of the side that closed first.
package struct CloseReport: Sendable, Equatable {
    /// 1005 when no code was given, 1006 when there was no Close frame (RFC 6455 §7.1.5).
    package let code: CloseCode
    package let reason: String

    /// Both sides' Close frames were seen.
    package let wasClean: Bool

    /// The peer went away without a Close frame.
    package static let abnormal = CloseReport(code: .abnormal, reason: "", wasClean: false)
}

/// One thing that an event loop tells another one. It names a connection by id: when that is closed, it is dropped.
///
/// What is large and comes seldom stands aside, so that messages are moved as few bytes.
package enum Envelope: Sendable {
    // From the loop of the socket to the loop of the VM.
    indirect case opened(ConnectionID, route: Int, ClientRequest)
    case message(ConnectionID, route: Int, length: Int, isText: Bool)
    case drained(ConnectionID, route: Int)
    indirect case closed(ConnectionID, route: Int, CloseReport)
    /// So many bytes more (or less) wait to be sent than the script's loop counts.
    case outputChanged(ConnectionID, route: Int, by: Int)
    indirect case upgrade(RequestToken, route: Int, ClientRequest)
    indirect case request(RequestToken, route: Int, ClientRequest, body: ByteBuffer)
    /// Nobody waits for the answer to the request any more.
    case abandoned(RequestToken, route: Int)

    // From the loop of one VM of a route to that of another.
    /// Whoever waits for the name goes on; the value is plain data.
    indirect case woken(route: Int, name: [UInt8], value: ByteBuffer)

    // From the loop of the VM to the loop of the socket.
    case admitted(ConnectionID)
    case send(ConnectionID, isText: Bool, length: Int, compress: Bool)
    /// The key is that of ``SendOptions``; the payload is the envelope's own, so that it goes when the frame is replaced.
    indirect case sendKeyed(ConnectionID, isText: Bool, payload: ByteBuffer, compress: Bool, key: [UInt8])
    indirect case close(ConnectionID, code: CloseCode, reason: String)
    indirect case broadcast(route: Int, frames: BroadcastFrames, compress: Bool, key: [UInt8], to: Recipients)
    /// The payload is the name of the room.
    case joined(ConnectionID, length: Int)
    case left(ConnectionID, length: Int)
    indirect case disconnect(route: Int, room: [UInt8], code: CloseCode, reason: String)
    indirect case answered(RequestToken, ScriptAnswer)
    case inputTaken(ConnectionID, messages: Int, byteCount: Int)
    case congestionOver(route: Int)
}

/// An ``Audience`` as it crosses to a loop: of its lists what concerns that one.
package struct Recipients: Sendable {
    private let rooms: [UInt8]?
    private let exceptRooms: [UInt8]
    private let except: [ConnectionID]

    package init(_ audience: Audience, on worker: Int) {
        self.rooms = audience.rooms.map { Array($0.list) }
        self.exceptRooms = Array(audience.exceptRooms.list)
        self.except = audience.except.filter { $0.worker == worker }
    }

    /// Gives back the view, while `body` runs.
    package func withAudience(_ body: (Audience) -> Void) {
        (self.rooms ?? []).withUnsafeBytes { rooms in
            self.exceptRooms.withUnsafeBytes { exceptRooms in
                self.except.withUnsafeBufferPointer { except in
                    let audience = Audience(
                        rooms: self.rooms == nil ? nil : RoomNames(list: rooms),
                        exceptRooms: RoomNames(list: exceptRooms),
                        except: except
                    )
                    body(audience)
                }
            }
        }
    }
}

extension Envelope {
    /// The bytes that the envelope holds itself.
    package var byteCount: Int {
        switch self {
        case .broadcast(_, let frames, _, _, _): frames.byteCount
        case .request(_, _, _, let body): body.readableBytes
        case .answered(_, let answer): answer.byteCount
        case .woken(_, let name, let value): name.count + value.readableBytes
        default: 0
        }
    }
}

/// All that one event loop has to tell another one in one of its ticks: envelopes in order, their payloads behind each other.
///
/// Of the frames of one key for one connection only the latest is kept, as in the connection's ``SendQueue``.
package struct Mailbox: Sendable {
    /// Places of replaced frames that may lie about, if not more than envelopes.
    private static let emptyPlacesKept = 32

    private struct KeyedFrame: Hashable {
        let id: ConnectionID
        let key: [UInt8]
    }

    /// In order; nil where a frame was that a later one has replaced.
    package private(set) var envelopes: [Envelope?] = []

    /// What the envelopes with a length have for payload.
    private(set) var payloads = ByteBuffer()

    /// The bytes of all payloads and frames.
    package private(set) var byteCount = 0

    private var keyed: [KeyedFrame: Int] = [:]
    private var emptyPlaces = 0

    package init() {}

    package var isEmpty: Bool { self.envelopes.isEmpty }

    /// How many envelopes there are.
    package var count: Int { self.envelopes.count - self.emptyPlaces }

    package mutating func append(_ envelope: Envelope) {
        self.byteCount += envelope.byteCount
        self.envelopes.append(envelope)
    }

    package mutating func append(_ envelope: Envelope, payload: UnsafeRawBufferPointer) {
        self.envelopes.append(envelope)
        self.payloads.writeBytes(payload)
        self.byteCount += payload.count
    }

    /// Appends a frame with a key, and removes the one of that key that the connection would be sent before.
    ///
    /// - Returns: the bytes of the payload that was removed; nil when there was none.
    package mutating func append(
        _ payload: UnsafeRawBufferPointer,
        isText: Bool,
        compress: Bool,
        key: UnsafeRawBufferPointer,
        to id: ConnectionID
    ) -> Int? {
        let frame = KeyedFrame(id: id, key: Array(key))
        let replaced = self.payloadSize(of: frame)
        let place = self.keyed.updateValue(self.envelopes.count, forKey: frame)
        self.envelopes.append(
            .sendKeyed(id, isText: isText, payload: ByteBuffer(bytes: payload), compress: compress, key: frame.key)
        )
        self.byteCount += payload.count - (replaced ?? 0)
        if let place {
            self.envelopes[place] = nil
            self.emptyPlaces += 1
            if self.emptyPlaces > max(self.count, Self.emptyPlacesKept) {
                self.closeUp()
            }
        }
        return replaced
    }

    /// The bytes of the payload that the connection's next frame of that key would remove.
    package func payloadSize(ofKey key: UnsafeRawBufferPointer, to id: ConnectionID) -> Int? {
        self.payloadSize(of: KeyedFrame(id: id, key: Array(key)))
    }

    private func payloadSize(of frame: KeyedFrame) -> Int? {
        guard let place = self.keyed[frame], case .sendKeyed(_, _, let payload, _, _) = self.envelopes[place] else {
            return nil
        }
        return payload.readableBytes
    }

    /// Removes the empty places.
    private mutating func closeUp() {
        self.envelopes.removeAll { $0 == nil }
        self.emptyPlaces = 0
        for (place, envelope) in self.envelopes.enumerated() {
            guard case .sendKeyed(let id, _, _, _, let key) = envelope else { continue }
            self.keyed[KeyedFrame(id: id, key: key)] = place
        }
    }
}
