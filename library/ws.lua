---@meta ws
--
-- This source file is part of the Nightjar project
--
-- Copyright (c) 2026 the Nightjar project authors
-- SPDX-License-Identifier: Apache-2.0
--
-- What scripts may write, for lua-language-server. docs/scripting.md says the same in sentences, and more. No code of
-- this file ever runs; a test holds its names against those that the server knows.

-- MARK: Values

---@alias nightjar.Kind "text"|"binary"

---Seconds, or a text such as `"50ms"`, `"5s"`, `"2m"`, `"1h"`.
---@alias nightjar.Time number|string

---Bytes, or a text such as `"16KiB"`, `"1MiB"`.
---@alias nightjar.Size integer|string

---A string is sent as it is, a table as JSON.
---@alias nightjar.Data string|table

---Nil, booleans, numbers, strings, `ws.json.null`, and tables of these without metatables.
---@alias nightjar.Plain nil|boolean|number|string|table|userdata

---What `ws.wake` takes: plain data, and in it connections and rooms.
---@alias nightjar.Woken nightjar.Plain|Conn|Room

---The value of a header field, or those of several of the same name.
---@alias nightjar.Header string|number|(string|number)[]

---@alias nightjar.Except Conn|Room|(Conn|Room)[]

---@class nightjar.SendOptions
---@field kind? nightjar.Kind `"text"` by default; a table is always text.
---@field key? string 1 to 256 bytes: takes the place of an unsent message with the same key.
---@field compress? boolean `false` leaves the message uncompressed.

---@class nightjar.BroadcastOptions: nightjar.SendOptions
---@field except? nightjar.Except Who is left out.

---@class nightjar.RouteBroadcastOptions: nightjar.BroadcastOptions
---@field rooms? (string|Room)[] Only the members of any of these rooms, each once.

-- MARK: The table that a script returns

---The second result of `upgrade`.
---@class nightjar.Acceptance
---@field protocol? string The sub-protocol to agree on, one of `req.protocols`.
---@field headers? table<string, nightjar.Header> Header fields of the answer.

---What the `error` handler is told.
---@class nightjar.Error
---@field message string The error's text, with file and line.
---@field traceback string How it got there.
---@field handler string The name of the handler that failed.
---@field version integer The script's version.

---What `load` is told besides the saved table.
---@class nightjar.LoadInfo
---@field from integer The version that was there before; 0 at the start.
---@field to integer The version that begins; less than `from` when an older one comes back.

---@class nightjar.KeepAlive
---@field interval? nightjar.Time Silence after which a ping is sent. Default 25 s.
---@field timeout? nightjar.Time Silence after the ping after which the client counts as gone. Default 20 s.

---@class nightjar.Deflate
---@field min_size? nightjar.Size Smaller messages are sent as they are. Default 1 KiB.
---@field level? integer From 1 (fast, the default) to 9 (small).
---@field server_takeover? boolean What is sent may refer to earlier messages: up to 256 KiB for each connection.
---@field client_takeover? boolean The same for what clients send: up to 40 KiB for each connection.
---@field server_window_bits? integer The window that is compressed with, 9 to 15. Default 15.
---@field client_window_bits? integer The window that clients are asked to compress with.

---@class nightjar.Limits
---@field message? nightjar.Size Bytes of one message, and of a request's body. Default 1 MiB; beyond it 1009 or 413.
---@field message_time? nightjar.Time From the first byte of a message to its last. Default 1 min; beyond it 1008.
---@field fragments? integer Frames of one message. Default 4096; beyond it 1008.
---@field control_frames? integer Pings and pongs of one client in 10 s. Default 200; beyond it 1008.
---@field rate? integer Messages of one client in a second. Default 0: no limit.
---@field burst? integer Messages of one client at once. Default: twice the rate.
---@field flood? "close"|"slow" What a client beyond the rate gets. Default `"close"`, with 1008.
---@field cpu? nightjar.Time CPU time of one event. Default 100 ms.
---@field memory? nightjar.Size Memory of the script. Default 64 MiB.
---@field wall? nightjar.Time Time of a handler that waits. Default 30 s.
---@field breaches? integer Events that pass cpu or memory in a minute before the route is quarantined; 0 never. Default 3.
---@field handlers? integer Handlers of the script that wait at once. Default 10000.
---@field timers? integer Timers of the script. Default 10000.
---@field rooms? integer Rooms that one connection may be in. Default 1000.
---@field buffered? nightjar.Size Bytes that wait to be sent to one client; beyond it `slow` decides. Default 1 MiB.
---@field buffered_soft? nightjar.Size Bytes that wait for one client before reading stops. Default 64 KiB.
---@field queue? integer Messages of one client that wait for the script. Default 64.
---@field queue_bytes? nightjar.Size Bytes of these messages. Default 256 KiB.
---@field script_queue? nightjar.Size Bytes of all messages that wait for the script. Default 16 MiB.
---@field close? nightjar.Time Time to answer a close. Default 5 s.

---The handlers and settings of a route. Each is optional.
---@class nightjar.Route
---@field upgrade? fun(req: Request): (table|boolean|integer?), (nightjar.Acceptance|nightjar.Data?), table<string, nightjar.Header>? Before a client is let in: its state, or a refusal.
---@field connect? fun(conn: Conn, req: Request): any A client is connected.
---@field message? fun(conn: Conn, data: string, kind: nightjar.Kind): any A whole message has come.
---@field on? table<string, fun(conn: Conn, msg: table): any> JSON messages by their type.
---@field invalid? fun(conn: Conn, data: string, why: "json"|"type"): any Text that `on` cannot take.
---@field close? fun(conn: Conn, code: integer, reason: string, clean: boolean): any Once for every `connect`.
---@field drain? fun(conn: Conn): any Most of what waited for this client has left.
---@field error? fun(conn: Conn?, err: nightjar.Error): any After an error was logged.
---@field request? fun(req: Request): integer, nightjar.Data?, table<string, nightjar.Header>? Plain HTTP on the same path.
---@field save? fun(): table What this version hands to the next one.
---@field load? fun(saved: table?, info: nightjar.LoadInfo): any This version begins; start timers here.
---@field path? string The path, with `:name` for one segment and `*` at the end for the rest. Default: that of the file.
---@field instances? 1|"per-core" One copy of the script, or one on each event loop.
---@field protocols? string[] Sub-protocols that are spoken.
---@field origins? string[] The web pages that may connect. Default `{ "same" }`.
---@field key? string The field that `on` sorts by. Default `"type"`.
---@field compress? boolean Whether clients that offer compression get it. Default true.
---@field deflate? nightjar.Deflate
---@field slow? "close"|"drop" What happens to a client for which too much waits. Default `"close"`.
---@field keep_alive? nightjar.KeepAlive
---@field limits? nightjar.Limits

-- MARK: The request

---What a client asked for.
---@class Request
---@field method string `"GET"`, `"POST"` …
---@field path string The path, decoded.
---@field target string Path and query as the client wrote them.
---@field params table<string, string> What stood for `:name` and `*` in the path.
---@field query table<string, string> The query's values; of duplicates the first.
---@field headers table<string, string> Header fields; asking for one ignores case.
---@field cookies table<string, string> Cookies, not decoded.
---@field ip string The client's address.
---@field host string What the client called this server.
---@field secure boolean Whether the client came by TLS.
---@field protocols string[] The sub-protocols that the client offers.
---@field body? string The request's body; in `request` only.

-- MARK: Connections

---A connection. Own data goes into `state`.
---@class Conn
---@field id string 22 letters and digits, never used again; no secret.
---@field state table The script's own data for this connection: plain data.
---@field params table<string, string> What stood for `:name` and `*` in the path.
---@field query table<string, string> The query's values.
---@field path string The path, decoded.
---@field ip string The client's address.
---@field protocol string? The sub-protocol that was agreed on.
---@field buffered integer Bytes that wait to be sent.
---@field open boolean Whether it can be sent to.
---@field rooms string[] Names of the rooms that it is in: a new list each time.
local Conn = {}

---Sends a message. `true` means accepted, not arrived.
---@param data nightjar.Data
---@param options? nightjar.Kind|nightjar.SendOptions
---@return true?
---@return "closed"|"overflow"|nil
function Conn:send(data, options) end

---Closes, after what was sent before.
---@param code? integer 1000 by default; 1000 to 1014 but 1004, 1005 and 1006, or 3000 to 4999.
---@param reason? string Up to 123 bytes.
---@return true?
---@return "closed"|nil
function Conn:close(code, reason) end

---Puts the connection into a room; twice is once. `"full"` beyond `limits.rooms`.
---@param name string 1 to 256 bytes.
---@return Room? room Nil beyond `limits.rooms`, and when it is closed.
---@return "full"|"closed"|nil
function Conn:join(name) end

---Takes the connection out of a room.
---@param name string
---@return true?
---@return "closed"|nil
function Conn:leave(name) end

---Waits for this connection's next message. Yields; only in a handler of the same connection.
---@param timeout? nightjar.Time
---@return string? data
---@return nightjar.Kind|"timeout"|"closed"|"reloaded" kind
function Conn:receive(timeout) end

-- MARK: Rooms

---A set of connections of one route. Of another route only `broadcast` and `count` can be used.
---@class Room
---@field name string
---@field count integer How many connections are in it.
local Room = {}

---Sends to everybody in the room, the sender included.
---@param data nightjar.Data
---@param options? nightjar.Kind|nightjar.BroadcastOptions
---@return integer addressed
function Room:broadcast(data, options) end

---Goes over the connections in the room, as of the call.
---@return fun(): Conn?
function Room:conns() end

---Closes every connection in the room.
---@param code? integer
---@param reason? string
---@return integer closed
function Room:disconnect(code, reason) end

-- MARK: Timers

---What `ws.after` and `ws.every` give.
---@class Timer
local Timer = {}

---Ends the timer.
---@return boolean wasSet Whether it would have run again.
function Timer:cancel() end

-- MARK: ws

---What the server offers.
---@class ws
---@field version string The server's version.
---@field instance integer Which copy of the script this is, from 1.
---@field instances integer How many copies there are.
ws = {}

---A room, whether somebody is in it or not.
---@param name string Up to 256 bytes.
---@param route? string The name of another route.
---@return Room
function ws.room(name, route) end

---Goes over the names of the rooms that somebody is in, as of the call.
---@return fun(): string?
function ws.rooms() end

---Sends to all connections of the route, the sender included.
---@param data nightjar.Data
---@param options? nightjar.Kind|nightjar.RouteBroadcastOptions
---@return integer addressed
function ws.broadcast(data, options) end

---Goes over the open connections of the route, as of the call.
---@return fun(): Conn?
function ws.conns() end

---The open connection with this id.
---@param id string
---@return Conn?
function ws.get(id) end

---Calls a function once, after a time.
---@param t nightjar.Time
---@param fn fun()
---@return Timer
function ws.after(t, fn) end

---Calls a function again and again, at a fixed rate; first after one interval of at least 1 ms.
---@param t nightjar.Time
---@param fn fun(dt: number) `dt`: seconds since the last run.
---@return Timer
function ws.every(t, fn) end

---Waits. Yields.
---@async
---@param t nightjar.Time
function ws.sleep(t) end

---Runs a function beside this handler, once that returns or yields.
---@param fn fun(...: any)
---@param ... any
function ws.spawn(fn, ...) end

---Waits until `ws.wake` is called with this name on this route. Yields.
---@async
---@param name string
---@param timeout? nightjar.Time
---@return nightjar.Woken value
---@return "timeout"|nil
function ws.wait(name, timeout) end

---Wakes all that wait for this name, in all copies of the script. With several copies the value holds no `Conn`.
---@param name string
---@param value? nightjar.Woken
---@return integer woken
function ws.wake(name, value) end

---Unix time in seconds.
---@return number
function ws.now() end

---Seconds on a clock that never jumps.
---@return number
function ws.clock() end

---A random UUID.
---@return string
function ws.uuid() end

---A variable of the server's environment. A name that the configuration does not allow is an error.
---@param name string
---@return string?
function ws.env(name) end

-- MARK: ws.json

---@class ws.json
---@field null userdata The JSON `null`.
ws.json = {}

---A value as JSON. Raises for what cannot be JSON.
---@param value any
---@return string
function ws.json.encode(value) end

---What a JSON text says; or nil, why there is nothing, and at which byte.
---@param text string
---@param options? { nulls: boolean } `nulls`: keep `ws.json.null` in objects.
---@return any value
---@return string? why
---@return integer? byte
function ws.json.decode(text, options) end

---Marks a table as an array, so that it is written `[]` even when it is empty.
---@generic T: table
---@param t? T A new table without it.
---@return T
function ws.json.array(t) end

-- MARK: ws.crypto

---@class ws.crypto
ws.crypto = {}

---The hash of some bytes: 32 bytes.
---@param data string
---@return string
function ws.crypto.sha256(data) end

---The keyed hash of some bytes: 32 bytes.
---@param key string
---@param data string
---@return string
function ws.crypto.hmac_sha256(key, data) end

---Random bytes, good for keys.
---@param n integer 1 to 65536.
---@return string
function ws.crypto.random(n) end

---Whether two strings are the same, in a time that does not tell where they differ.
---@param a string
---@param b string
---@return boolean
function ws.crypto.equal(a, b) end

---Bytes as base64 text, with `=` at the end.
---@param data string
---@return string
function ws.crypto.base64(data) end

---The bytes of a base64 text, or nil and why it is none.
---@param text string
---@return string? data
---@return string? why
function ws.crypto.base64_decode(text) end

---Bytes in the base64 alphabet for URLs, without `=`.
---@param data string
---@return string
function ws.crypto.base64url(data) end

---The bytes of such a text, or nil and why it is none.
---@param text string
---@return string? data
---@return string? why
function ws.crypto.base64url_decode(text) end

---Bytes as lower-case hexadecimal digits.
---@param data string
---@return string
function ws.crypto.hex(data) end

---The bytes of hexadecimal digits, or nil and why there are none.
---@param text string
---@return string? data
---@return string? why
function ws.crypto.hex_decode(text) end

-- MARK: ws.shared

---@class nightjar.StoreOptions
---@field ttl? nightjar.Time How long the value stays.

---@class nightjar.IncrOptions: nightjar.StoreOptions
---@field init? number Where a key without a value begins. Default 0.

---Values that all routes and all copies of scripts see.
---@class ws.shared
ws.shared = {}

---@param key string
---@return nightjar.Plain
function ws.shared.get(key) end

---@param key string
---@param value nightjar.Plain
---@param options? nightjar.StoreOptions
---@return true?
---@return "full"|nil
function ws.shared.set(key, value, options) end

---Stores a value if the key has none.
---@param key string
---@param value nightjar.Plain
---@param options? nightjar.StoreOptions
---@return true?
---@return "exists"|"full"|nil
function ws.shared.add(key, value, options) end

---Adds to a number.
---@param key string
---@param n? number 1 by default.
---@param options? nightjar.IncrOptions
---@return number?
---@return "full"|nil
function ws.shared.incr(key, n, options) end

---Stores `new` if the value still is `old`.
---@param key string
---@param old nightjar.Plain
---@param new nightjar.Plain
---@return true?
---@return "changed"|"full"|nil
function ws.shared.cas(key, old, new) end

---@param key string
---@return boolean wasThere
function ws.shared.delete(key) end

-- MARK: ws.log

---Lines in the server's log. With one argument it is written as it is, with more the first is a format.
---@class ws.log
ws.log = {}

---@param format any
---@param ... any
function ws.log.debug(format, ...) end

---@param format any
---@param ... any
function ws.log.info(format, ...) end

---@param format any
---@param ... any
function ws.log.warn(format, ...) end

---@param format any
---@param ... any
function ws.log.error(format, ...) end

return ws
