//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Runs the whole life of a VM again and again and fails its allocations in turn: first each one alone, then each one
// and a stretch behind it. Nothing may crash, and nothing may be in use afterwards; valgrind sees the rest. Build with
//   cc -std=c11 -g -ISources/CLuaRuntime/include Tests/CLuaRuntimeTests/oom.c Sources/CLuaRuntime/*.c
//      $(pkg-config --cflags --libs lua5.4)

#include "CLuaRuntime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char script[] =
    "local util = require 'lib.util'\n"
    "local seen = {}\n"
    "function data_of(msg) return msg.text .. ' with a text that is too long to be kept among the short' end\n"
    "return {\n"
    "  limits = { message = '16KiB', rate = 20, extra = {} }, protocols = { 'a', 'b' }, compress = false,\n"
    "  upgrade = function(req)\n"
    "    if req.query.name == '' then return 403, { why = req.ip }, { ['X-Why'] = 'name' } end\n"
    "    return { name = req.cookies.name }, { protocol = 'chat', headers = { ['X-A'] = { 'b', 3 } } }\n"
    "  end,\n"
    "  request = function(req)\n"
    "    if req.body == 'nothing' then return nil end\n"
    "    return 200, { length = #req.body, path = req.path }, { ['Content-Type'] = 'application/x-' .. req.path }\n"
    "  end,\n"
    "  connect = function(conn, req)\n"
    "    seen[conn] = req.headers.Origin .. req.query.name .. conn.id .. conn.path .. tostring(conn.protocol)\n"
    "    conn.state.name = conn.state.name .. req.cookies.name; seen[ws.instance] = ws.instances\n"
    "  end,\n"
    "  message = function(conn, data, kind)\n"
    "    local ok, err = pcall(error, { text = 'caught' })\n"
    "    ok, err = xpcall(function() local x = nil; return x.y end, function(e) return 'handled ' .. e end)\n"
    "    local co = coroutine.wrap(function(a)\n"
    "      local c <close> = util.closer(); coroutine.yield(a .. 'b'); error(a)\n"
    "    end)\n"
    "    co('a'); pcall(co)\n"
    "    local other = coroutine.create(function() local c <close> = util.closer(); coroutine.yield() end)\n"
    "    coroutine.resume(other); coroutine.close(other)\n"
    "    print('line', data, conn); ws.log.warn('%s %d', kind, 3)\n"
    "    pcall(ws.log.warn, '%s %d', kind)\n"
    "    for other in ws.conns() do other:send(util.twice(data), { kind = kind }) end\n"
    "    assert(ws.get(conn.id) == conn)\n"
    "    ws.broadcast(data, { except = { conn }, key = 'k' })\n"
    "    ws.broadcast(data:rep(1000), 'binary')\n"
    "    conn:send(data, { key = 'k', compress = false })\n"
    "    local room = conn:join('room' .. data); conn:join('other')\n"
    "    room:broadcast(data, { except = { conn, ws.room('x'), ws.room('elsewhere', 'test') }, key = 'k' })\n"
    "    ws.broadcast(data, { rooms = { room, 'y' }, except = ws.room('x') })\n"
    "    ws.room('z', 'else'):broadcast(data)\n"
    "    for each in ws.rooms() do seen[each] = ws.room(each).count + #conn.rooms + ws.room('z', 'else').count end\n"
    "    for other in room:conns() do seen[other] = room == ws.room(room.name) and tostring(room) end\n"
    "    ws.wake('room', { room, ws.room('z', 'else') })\n"
    "    conn:leave('other'); ws.room('z'):disconnect(4000, data)\n"
    "    assert(not pcall(ws.room, 'z', 'none'))\n"
    "    local big = {}; for i = 1, 40 do big[i] = i .. data end\n"
    "    conn:send(table.concat(big), 'binary')\n"
    "    local value = ws.json.decode(ws.json.encode({ data, { a = { data:rep(700), 1.5, 'e\\n' } }, big }))\n"
    "    assert(value[2].a[3] == 'e\\n' and #value[3] == 40 and not ws.json.decode(data))\n"
    "    conn:send({ value, ws.json.null }, { key = 'k' })\n"
    "    pcall(ws.json.encode, { x = { print } })\n"
    "    local token = ws.crypto.base64url(ws.crypto.hmac_sha256(data:rep(20), ws.crypto.random(40)))\n"
    "    assert(#ws.crypto.base64url_decode(token) == 32 and not ws.crypto.hex_decode(token))\n"
    "    assert(ws.crypto.hex(ws.crypto.base64_decode(ws.crypto.base64('ab'))) == '6162' and #ws.uuid() == 36)\n"
    "    assert(ws.env(data) == data)\n"
    "    local kept = { data, { a = { ws.json.null, 1.5 } }, ws.json.array() }\n"
    "    assert(ws.shared.set('k', kept, { ttl = 1 }) and ws.shared.get('k')[2].a[2] == 1.5)\n"
    "    assert(ws.shared.cas('k', kept, data) and ws.shared.add('new' .. data, 1) and ws.shared.incr('n', 2) == 2)\n"
    "    pcall(ws.shared.set, 'k', { x = { print } })\n"
    "    assert(ws.shared.delete('n') and ws.shared.delete('new' .. data) and not ws.shared.set('k', ('x'):rep(9000)))\n"
    "    local words = {}\n"
    "    for word, at in (data .. ' and more words'):gmatch('(%a+)()') do words[#words + 1] = word .. at end\n"
    "    table.sort(words, function(a, b) return a .. 'x' > b .. 'x' end)\n"
    "    table.insert(words, 1, data:upper():rep(30, data)); table.move(words, 1, 3, 2); table.remove(words, 1)\n"
    "    local joined = table.concat({ table.unpack(words, 1, 3) }, data:reverse():lower():rep(9))\n"
    "    joined = joined:gsub('[%a_]+', '<%0>'):gsub('%d', function(d) return d .. d end):gsub('()o', '%1%1')\n"
    "    joined = joined:gsub('%a', { e = data, o = false }); assert(joined:find('(.-)(%d)%2') and joined:match('%b<>'))\n"
    "    assert(utf8.len(joined) == select('#', utf8.codepoint(joined, 1, -1)) and utf8.offset(joined, -1) == #joined)\n"
    "    assert(not pcall(string.rep, data, 1 << 40) and not pcall(string.find, data, '(') and ('%s'):format(conn))\n"
    "    assert(string.unpack('s1', string.pack('s1', data)) == data and tonumber('1' .. 2) + '3' == 15 and os.date('%Y'))\n"
    "    conn.state.players = { data, { print } }\n"
    "    if data == 'fail' then\n"
    "      error(setmetatable({}, { __tostring = function() return 'the text' .. data end }))\n"
    "    end\n"
    "    local function deep(n) if n > 0 then return 1 + deep(n - 1) end error('deep') end\n"
    "    if data == 'deep' then deep(150) end\n"
    "  end,\n"
    "  load = function(saved, info) seen.saved = saved; ws.every(1, function(dt) seen.dt = dt + info.to end) end,\n"
    "  save = function()\n"
    "    pcall(ws.after, 1, print)\n"
    "    return { data_of({ text = 'saved' }), { a = { ws.json.null, 1.5 } }, ws.room('x') }\n"
    "  end,\n"
    "  on = { wait = function(conn, msg)\n"
    "    local c <close> = util.closer()\n"
    "    ws.spawn(function(a, b) ws.sleep(1); seen.spawned = a .. b end, msg.text, data_of(msg))\n"
    "    local timer = ws.after('50ms', function() seen.rung = data_of(msg) end)\n"
    "    pcall(ws.sleep, '1s')\n"
    "    seen.got = ws.wait('name' .. msg.text, 5)\n"
    "    seen.message = conn:receive()\n"
    "    assert(ws.wake('other', { seen.got, { a = 1.5 } }) == 1 and timer:cancel())\n"
    "  end },\n"
    "  error = function(conn, err) seen[#seen + 1] = err.message .. err.traceback .. err.handler end,\n"
    "  drain = function(conn) seen[conn] = nil end,\n"
    "  close = function(conn, code, reason, clean)\n"
    "    conn:close(4000, reason); seen.last = reason .. code .. tostring(clean) .. tostring(conn.open)\n"
    "  end,\n"
    "}\n";

static const char module[] =
    "local meta = { __close = function() local t = {} for i = 1, 4 do t[i] = {} end end }\n"
    "return { twice = function(s) return s .. s end, closer = function() return setmetatable({}, meta) end }";

// MARK: The host

static size_t line_count, effect_count, setting_count;

// What has a key is asked about twice, as when the effects have to be applied first.
static nj_verdict host_send(void *context, uint64_t id, size_t length, const void *key, size_t key_length) {
    (void)context, (void)id, (void)length, (void)key;
    static bool was_unsettled;
    was_unsettled = key_length > 0 && !was_unsettled;
    return was_unsettled ? NJ_UNSETTLED : NJ_ACCEPTED;
}

// Every other one, as a client would be served whose output has room now and then.
static bool host_send_now(void *context, uint64_t id, const void *bytes, size_t length, bool is_text, bool compress) {
    (void)context, (void)id, (void)bytes, (void)length, (void)is_text, (void)compress;
    static bool is_sent;
    is_sent = !is_sent;
    return is_sent;
}

static bool host_close(void *context, uint64_t id) {
    (void)context, (void)id;
    return true;
}

static size_t host_broadcast(void *context, size_t length, nj_audience *audience) {
    (void)context, (void)length;
    audience->note = 1;
    return 2 - audience->except_count;
}

static int32_t host_route(void *context, const void *name, size_t length, nj_answer *answer) {
    (void)context;
    static const char sentence[] = "there is no such route";
    if (length != 4) return NJ_OWN_ROUTE;
    if (memcmp(name, "else", length) == 0) return 1;
    if (memcmp(name, "test", length) == 0) return NJ_OWN_ROUTE;
    nj_answer_append(answer, sentence, sizeof sentence - 1);
    return NJ_NO_ROUTE;
}

static nj_move host_move(void *context, uint64_t id, const void *name, size_t length) {
    (void)context, (void)id, (void)name, (void)length;
    return NJ_MOVED;
}

static size_t host_disconnect(void *context, const void *name, size_t length, uint64_t *note) {
    (void)context, (void)name, (void)length;
    *note = 2;
    return 1;
}

static void host_rooms(void *context, nj_answer *answer) {
    (void)context;
    nj_answer_name(answer, "one", 3);
    nj_answer_name(answer, "another", 7);
}

static void host_rooms_of(void *context, uint64_t id, nj_answer *answer) {
    (void)id;
    host_rooms(context, answer);
}

static size_t host_room_count(void *context, int32_t route, const void *name, size_t length) {
    (void)context, (void)route, (void)name;
    return length;
}

static bool host_is_open(void *context, uint64_t id) {
    (void)context;
    return id == 1 || id == 2;
}

static size_t host_buffered(void *context, uint64_t id) {
    (void)context, (void)id;
    return 0;
}

static void host_members(void *context, nj_answer *answer) {
    (void)context;
    uint64_t ids[] = {1, 2};
    nj_answer_append(answer, ids, sizeof ids);
}

static void host_room_members(void *context, const void *name, size_t length, nj_answer *answer) {
    (void)name, (void)length;
    host_members(context, answer);
}

static bool host_find(void *context, const void *name, size_t length, uint64_t *id) {
    (void)context, (void)name;
    *id = 1;
    return length == NJ_PUBLIC_ID_LENGTH;
}

static bool host_public_id(void *context, uint64_t id, char *name) {
    (void)context;
    memset(name, (int)('a' + id), NJ_PUBLIC_ID_LENGTH);
    return true;
}

static void add(nj_answer *answer, nj_field field, const char *name, const char *value) {
    nj_answer_field(answer, field, name, strlen(name), value, strlen(value));
}

static bool host_request(void *context, uint64_t id, nj_answer *answer) {
    (void)context, (void)id;
    add(answer, NJ_METHOD, "", "GET");
    add(answer, NJ_PATH, "", "/a");
    add(answer, NJ_SECURE, "", "");
    add(answer, NJ_PROTOCOL, "", "chat");
    add(answer, NJ_SUBPROTOCOL, "", "chat");
    add(answer, NJ_QUERY, "name", "value");
    add(answer, NJ_HEADER, "origin", "http://localhost");
    add(answer, NJ_COOKIE, "name", "a name that is too long to be kept among the short strings of Lua");
    return true;
}

static bool host_pending(void *context, uint64_t token, nj_answer *answer) {
    return token != 0 && host_request(context, token, answer);
}

static nj_protocol_verdict host_judge(void *context, uint64_t token, const void *name, size_t length) {
    (void)context, (void)token, (void)name;
    return length == 4 ? NJ_PROTOCOL_FINE : NJ_PROTOCOL_NOT_OFFERED;
}

static void host_log(void *context, nj_log_level level, const void *message, size_t length, const uint64_t *id,
                     const char *source) {
    (void)context, (void)level, (void)message, (void)length, (void)id, (void)source;
    line_count += 1;
}

static bool host_module(void *context, const char *name, nj_answer *answer) {
    (void)context, (void)name;
    nj_answer_append(answer, module, sizeof module - 1);
    return true;
}

static nj_variable host_variable(void *context, const char *name, nj_answer *answer) {
    (void)context;
    nj_answer_append(answer, name, strlen(name));
    return NJ_VARIABLE_SET;
}

static void host_full(void *context) { (void)context; }

static void host_apply(void *context) {
    while (nj_vm_next_effect(*(nj_vm **)context) != NULL) effect_count += 1;
}

static uint64_t last_task, last_timer, last_body;

static bool host_suspend(void *context, uint64_t task, const nj_wait *wait) {
    (void)context, (void)wait;
    last_task = task;
    return true;
}

static bool host_set_timer(void *context, uint64_t timer, int64_t delay, int64_t interval) {
    (void)context, (void)delay, (void)interval;
    last_timer = timer;
    return true;
}

static void host_cancel_timer(void *context, uint64_t timer) { (void)context, (void)timer; }

static bool host_spawn(void *context, uint64_t body) {
    (void)context;
    last_body = body;
    return true;
}

static size_t host_wake(void *context, const void *name, size_t name_length, const void *value, size_t value_length) {
    (void)context, (void)name, (void)name_length, (void)value, (void)value_length;
    return 1;
}

// The state of the connection with the next number stands for that of an older version.
static nj_state host_state(void *context, uint64_t id, nj_answer *answer) {
    return nj_vm_write_state(*(nj_vm **)context, id + 1, 7, answer) ? NJ_STATE_MOVED : NJ_STATE_ABSENT;
}

// MARK: One life

static void report(nj_vm *vm) {
    const nj_failure *failure = nj_vm_failure(vm);
    nj_report report = {
        .message = (const uint8_t *)failure->message,
        .message_length = failure->message_length,
        .traceback = (const uint8_t *)failure->traceback,
        .traceback_length = failure->traceback_length,
        .handler = (const uint8_t *)"message",
        .handler_length = 7,
        .version = 1,
    };
    nj_event event = {.kind = NJ_EVENT_ERROR, .id = 1, .has_connection = true, .report = &report};
    nj_vm_dispatch(vm, &event);
}

// Resumes the handler until it is over, and answers whether it has not failed.
static bool finish(nj_vm *vm, nj_outcome outcome) {
    while (outcome == NJ_SUSPENDED) {
        nj_resumption resumption = {.wakening = NJ_WOKEN, .is_text = true};
        outcome = nj_vm_resume(vm, last_task, &resumption);
    }
    if (outcome == NJ_FAILED) report(vm);
    host_apply(&vm);
    return outcome != NJ_FAILED;
}

static bool dispatch(nj_vm *vm, nj_event_kind kind, const char *bytes) {
    nj_event event = {
        .kind = kind,
        .id = 1,
        .has_connection = kind != NJ_EVENT_UPGRADE && kind != NJ_EVENT_REQUEST,
        .token = 7,
        .bytes = bytes,
        .length = strlen(bytes),
        .is_text = true,
        .code = 1001,
        .was_clean = true,
    };
    return finish(vm, nj_vm_dispatch(vm, &event));
}

// What the script has set and spawned, of which it may have done neither.
static void run_numbered(nj_vm *vm, nj_event_kind kind, uint64_t number) {
    if (number == 0) return;
    nj_event event = {.kind = kind, .number = number, .repeats = kind == NJ_EVENT_TIMER, .elapsed = 1.5};
    finish(vm, nj_vm_dispatch(vm, &event));
}

// Answers whether an allocation was there to fail.
static bool live(nj_clock *clock, uint64_t fail_from, uint64_t fail_count) {
    nj_vm *vm = NULL;
    last_timer = last_body = 0;
    nj_host host = {
        .context = &vm,
        .send = host_send,
        .send_now = host_send_now,
        .close = host_close,
        .broadcast = host_broadcast,
        .route = host_route,
        .join = host_move,
        .leave = host_move,
        .disconnect = host_disconnect,
        .rooms_of = host_rooms_of,
        .rooms = host_rooms,
        .room_count = host_room_count,
        .room_members = host_room_members,
        .is_open = host_is_open,
        .buffered = host_buffered,
        .members = host_members,
        .find = host_find,
        .public_id = host_public_id,
        .request = host_request,
        .pending_request = host_pending,
        .judge_protocol = host_judge,
        .log = host_log,
        .module = host_module,
        .variable = host_variable,
        .shared_is_full = host_full,
        .apply_effects = host_apply,
        .suspend = host_suspend,
        .set_timer = host_set_timer,
        .cancel_timer = host_cancel_timer,
        .spawn = host_spawn,
        .wake = host_wake,
        .state = host_state,
    };
    nj_limits limits = {
        .memory = 1 << 20,
        .event_ticks = 1000,
        .load_ticks = 1000,
        .stuck_ticks = 100000,
        .is_development = true,
        .response = 1 << 16,
        .fail_from = fail_from,
        .fail_count = fail_count,
    };
    nj_shared *shared = nj_shared_create(8192);
    if (shared == NULL) {
        perror("nj_shared_create");
        exit(1);
    }
    vm = nj_vm_create(&limits, &host, clock, shared, "1.0");
    if (vm == NULL) {
        nj_shared_destroy(shared);
        return true;
    }
    if (nj_vm_load(vm, "oom.lua", script, sizeof script - 1)) {
        nj_setting setting;
        while (nj_vm_next_setting(vm, &setting)) setting_count += setting.key_length > 0;
        nj_vm_set_limits(vm, &limits);
        nj_vm_set_instance(vm, 1, 2);
        static const uint8_t nothing_saved[] = {0};
        nj_start start = {.from = 1, .to = 2, .saved = nothing_saved, .saved_length = 1, .number = 1};
        if (!nj_vm_start(vm, &start)) report(vm);
        dispatch(vm, NJ_EVENT_UPGRADE, "");
        nj_vm_abandon_upgrade(vm, 7);
        bool is_done = dispatch(vm, NJ_EVENT_UPGRADE, "");
        if (!is_done) nj_vm_abandon_upgrade(vm, 7);
        is_done = dispatch(vm, NJ_EVENT_REQUEST, "body") && is_done;
        dispatch(vm, NJ_EVENT_REQUEST, "nothing");
        is_done = dispatch(vm, NJ_EVENT_CONNECT, "") && is_done;
        const void *saved;
        size_t saved_length;
        is_done = nj_vm_save(vm, &saved, &saved_length) && (saved_length > 0 || fail_count > 0) && is_done;
        is_done = nj_vm_check_state(vm, 1) && nj_vm_take_state(vm, 0) && is_done;
        nj_vm_check_state(vm, 0);
        nj_vm_end_check(vm);
        nj_vm_forget(vm, 0);
        is_done = dispatch(vm, NJ_EVENT_MESSAGE, "hello") && is_done;
        nj_vm_take_state(vm, 0);
        if (fail_count == 0 && !is_done) {
            const nj_failure *failure = nj_vm_failure(vm);
            printf("failed without a reason: %.*s\n", (int)failure->message_length, failure->message);
            exit(1);
        }
        bool has_waited = dispatch(vm, NJ_EVENT_MESSAGE, "{\"type\":\"wait\",\"text\":\"a text\"}");
        if (fail_count == 0 && !has_waited) {
            printf("failed without a reason: %s\n", nj_vm_failure(vm)->message);
            exit(1);
        }
        run_numbered(vm, NJ_EVENT_SPAWN, last_body);
        run_numbered(vm, NJ_EVENT_TIMER, last_timer);
        dispatch(vm, NJ_EVENT_MESSAGE, "fail");
        dispatch(vm, NJ_EVENT_MESSAGE, "deep");
        dispatch(vm, NJ_EVENT_DRAIN, "");
        dispatch(vm, NJ_EVENT_CLOSE, "bye");
        nj_vm_forget(vm, 1);
    } else {
        host_apply(&vm);
    }
    uint64_t allocations = nj_vm_usage(vm).allocations;
    nj_vm_close(vm);
    size_t used = nj_vm_usage(vm).used;
    nj_vm_destroy(vm);
    nj_shared_destroy(shared);
    if (used != 0) {
        printf("%zu bytes in use after the end, allocation %llu failed\n", used, (unsigned long long)fail_from);
        exit(1);
    }
    return allocations >= fail_from;
}

int main(int count, char **arguments) {
    // Under valgrind each life takes long: every n-th allocation will do.
    uint64_t step = count > 1 ? strtoull(arguments[1], NULL, 10) : 1;
    if (step == 0) step = 1;
    nj_clock *clock = nj_clock_create();
    if (clock == NULL) {
        perror("nj_clock_create");
        return 1;
    }
    live(clock, 0, 0);
    static const uint64_t stretches[] = {1, 20, UINT64_MAX / 2};
    for (size_t i = 0; i < sizeof stretches / sizeof stretches[0]; i++) {
        uint64_t fail_from = 1;
        while (live(clock, fail_from, stretches[i])) fail_from += step;
        printf("failed each of %llu allocations and %llu behind it\n", (unsigned long long)fail_from,
               (unsigned long long)stretches[i] - 1);
    }
    nj_clock_destroy(clock);
    printf("%zu lines, %zu effects, %zu settings, nothing crashed, nothing is left\n", line_count, effect_count,
           setting_count);
    return 0;
}
