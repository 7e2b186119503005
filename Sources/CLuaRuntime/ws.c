//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// ws: what a script asks of its route as a whole.

#include "runtime.h"

#include <string.h>

static const nj_name names[] = {
    {"broadcast", NJ_KNOWN},
    {"conns", NJ_KNOWN},
    {"get", NJ_KNOWN},
    {"log", NJ_KNOWN},
    {"version", NJ_KNOWN},
    {"room", NJ_LATER},
    {"rooms", NJ_LATER},
    {"after", NJ_KNOWN},
    {"every", NJ_KNOWN},
    {"sleep", NJ_KNOWN},
    {"spawn", NJ_KNOWN},
    {"wait", NJ_KNOWN},
    {"wake", NJ_KNOWN},
    {"shared", NJ_LATER},
    {"json", NJ_KNOWN},
    {"crypto", NJ_KNOWN},
    {"now", NJ_KNOWN},
    {"clock", NJ_KNOWN},
    {"uuid", NJ_KNOWN},
    {"env", NJ_KNOWN},
    {"instance", NJ_LATER},
    {"instances", NJ_LATER},
    {"store", NJ_RESERVED},
    {"alarm", NJ_RESERVED},
    {"fetch", NJ_RESERVED},
    {"jwt", NJ_RESERVED},
    {"publish", NJ_RESERVED},
    {"count", NJ_RESERVED},
    {"gauge", NJ_RESERVED},
    {"lock", NJ_RESERVED},
    {NULL, NJ_KNOWN},
};

// MARK: broadcast

static int refuse_except(lua_State *L, const char *what) {
    return nj_raise(L, NJ_RUNTIME, "ws.broadcast: except must be a conn or a list of conns, not %s", what);
}

static void except_one(lua_State *L, nj_vm *vm, int index) {
    const nj_connection *connection = nj_connection_at(L, vm, index);
    if (connection == NULL) refuse_except(L, luaL_typename(L, index));
    nj_answer_append(&vm->answer, &connection->id, sizeof connection->id);
}

// Collects the ids of the excepted connections in the answer. Uses 3 slots.
static void read_except(lua_State *L, nj_vm *vm, int index) {
    nj_bytes_empty(&vm->answer.bytes, NJ_OUTBOX_KEPT);
    if (index == 0) return;
    if (lua_istable(L, index)) {
        lua_Unsigned count = lua_rawlen(L, index), found = 0;
        lua_pushnil(L);
        for (; lua_next(L, index); found++) {
            // Of a key that is no integer this is 0.
            lua_Unsigned position = lua_isinteger(L, -2) ? (lua_Unsigned)lua_tointeger(L, -2) : 0;
            if (position < 1 || position > count) refuse_except(L, "a table with other keys than 1, 2, 3 and so on");
            except_one(L, vm, lua_gettop(L));
            lua_pop(L, 1);
        }
        if (found < count) refuse_except(L, "a list with nil in it");
    } else {
        except_one(L, vm, index);
    }
    if (vm->answer.bytes.failed) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
}

// ws.broadcast(data [, kind | options])
static int broadcast(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    if (vm->phase != NJ_PHASE_RUN) return nj_raise(L, NJ_RUNTIME, "ws.broadcast has no effect while the script loads");
    nj_message message = nj_message_read(L, 1, "ws.broadcast", true);
    read_except(L, vm, message.except);
    size_t count = vm->answer.bytes.length / sizeof(uint64_t);
    nj_outbox_reserve(L, vm, message.length, count, message.key_length);
    const uint64_t *except = (const uint64_t *)(const void *)vm->answer.bytes.start;
    size_t addressed = vm->host.broadcast(vm->host.context, message.length, except, count);
    nj_effect effect = {
        .kind = NJ_EFFECT_BROADCAST,
        .is_text = message.is_text,
        .compress = message.compress,
        .key = message.key,
        .key_length = message.key_length,
        .bytes = message.bytes,
        .length = message.length,
        .except = except,
        .except_count = count,
    };
    if (addressed > 0) nj_outbox_append(vm, &effect);
    lua_pushinteger(L, (lua_Integer)addressed);
    return 1;
}

// MARK: conns and get

// Upvalues: the ids, the position of the next one. Passes over those that were closed since the call of ws.conns.
static int next_connection(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const uint64_t *ids = lua_touserdata(L, lua_upvalueindex(1));
    size_t count = lua_rawlen(L, lua_upvalueindex(1)) / sizeof *ids;
    size_t next = (size_t)lua_tointeger(L, lua_upvalueindex(2));
    while (next < count && !vm->host.is_open(vm->host.context, ids[next])) next += 1;
    if (next >= count) return 0;
    lua_pushinteger(L, (lua_Integer)next + 1);
    lua_replace(L, lua_upvalueindex(2));
    nj_connection_push(L, vm, ids[next]);
    return 1;
}

// for conn in ws.conns() do ... end
static int conns(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    nj_bytes *bytes = &vm->answer.bytes;
    nj_bytes_empty(bytes, NJ_OUTBOX_KEPT);
    vm->host.members(vm->host.context, &vm->answer);
    if (bytes->failed) return nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    void *ids = lua_newuserdatauv(L, bytes->length, 0);
    if (bytes->length > 0) memcpy(ids, bytes->start, bytes->length);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_connection, 2);
    return 1;
}

// ws.get(id)
static int get(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    if (lua_type(L, 1) != LUA_TSTRING) {
        return nj_raise(L, NJ_RUNTIME, "ws.get: id must be a string, not %s", luaL_typename(L, 1));
    }
    size_t length;
    const char *name = lua_tolstring(L, 1, &length);
    uint64_t id;
    if (vm->host.find(vm->host.context, name, length, &id)) {
        nj_connection_push(L, vm, id);
    } else {
        lua_pushnil(L);
    }
    return 1;
}

// MARK: The table

static int refuse_read(lua_State *L) {
    if (lua_type(L, 2) != LUA_TSTRING) {
        return nj_raise(L, NJ_RUNTIME, "ws has no field of type %s", luaL_typename(L, 2));
    }
    size_t length;
    const char *name = lua_tolstring(L, 2, &length);
    if (nj_names_equal(name, length, "send") || nj_names_equal(name, length, "close")) {
        return nj_raise(L, NJ_RUNTIME, "ws.%s does not exist: write conn:%s(...) for one connection%s", name, name,
                        name[0] == 's' ? ", or ws.broadcast(...) for all" : "");
    }
    char text[256];
    nj_names_explain(names, name, length, "field of ws:", "", text, sizeof text);
    return nj_raise(L, NJ_RUNTIME, "%s", text);
}

static int refuse_write(lua_State *L) {
    return nj_raise(L, NJ_RUNTIME, "ws cannot be given new fields: use a variable of the script");
}

void nj_ws_open(lua_State *L) {
    static const luaL_Reg functions[] = {{"broadcast", broadcast}, {"conns", conns}, {"get", get}, {NULL, NULL}};
    static const luaL_Reg events[] = {{"__index", refuse_read}, {"__newindex", refuse_write}, {NULL, NULL}};
    nj_vm *vm = nj_vm_of(L);
    luaL_newlib(L, functions);
    nj_task_open(L);
    nj_timer_open(L);
    nj_wake_open(L);
    nj_log_open(L);
    lua_setfield(L, -2, "log");
    nj_json_open(L);
    lua_setfield(L, -2, "json");
    nj_crypto_open(L);
    lua_setfield(L, -2, "crypto");
    nj_system_open(L);
    lua_pushstring(L, vm->product_version);
    lua_setfield(L, -2, "version");
    luaL_newlib(L, events);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pushvalue(L, -1);
    vm->ws_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
