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
    {"room", NJ_KNOWN},
    {"rooms", NJ_KNOWN},
    {"after", NJ_KNOWN},
    {"every", NJ_KNOWN},
    {"sleep", NJ_KNOWN},
    {"spawn", NJ_KNOWN},
    {"wait", NJ_KNOWN},
    {"wake", NJ_KNOWN},
    {"shared", NJ_KNOWN},
    {"json", NJ_KNOWN},
    {"crypto", NJ_KNOWN},
    {"now", NJ_KNOWN},
    {"clock", NJ_KNOWN},
    {"uuid", NJ_KNOWN},
    {"env", NJ_KNOWN},
    {"instance", NJ_KNOWN},
    {"instances", NJ_KNOWN},
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

// ws.broadcast(data [, kind | options])
static int broadcast(lua_State *L) { return nj_broadcast(L, "ws.broadcast", NULL, 1); }

// MARK: conns and get

// Upvalues: the ids, the position of the next one. Passes over those that were closed since they were listed.
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

int nj_connections_push(lua_State *L, nj_vm *vm) {
    nj_bytes *bytes = &vm->answer.bytes;
    if (bytes->failed) return nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    void *ids = lua_newuserdatauv(L, bytes->length, 0);
    if (bytes->length > 0) memcpy(ids, bytes->start, bytes->length);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_connection, 2);
    return 1;
}

// for conn in ws.conns() do ... end
static int conns(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    nj_bytes_empty(&vm->answer.bytes, NJ_OUTBOX_KEPT);
    vm->host.members(vm->host.context, &vm->answer);
    return nj_connections_push(L, vm);
}

// ws.get(id)
static int get(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    if (lua_type(L, 1) != LUA_TSTRING) {
        return nj_raise(L, NJ_RUNTIME, "ws.get: id must be a string, not %s", nj_kind_of(L, 1));
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
    // No fields of the table: what they are is known only when the script is loaded.
    const nj_vm *vm = nj_vm_of(L);
    bool is_count = nj_names_equal(name, length, "instances");
    if (is_count || nj_names_equal(name, length, "instance")) {
        if (is_count && vm->instances == 0) {
            return nj_raise(L, NJ_RUNTIME, "ws.instances is not known while the script loads: read it in a handler");
        }
        lua_pushinteger(L, is_count ? vm->instances : vm->instance);
        return 1;
    }
    if (nj_names_equal(name, length, "send") || nj_names_equal(name, length, "close")) {
        return nj_raise(L, NJ_RUNTIME, "ws.%s does not exist: write conn:%s(...) for one connection%s", name, name,
                        name[0] == 's' ? ", or ws.broadcast(...) for all" : "");
    }
    char text[256];
    nj_names_explain(names, name, length, "field of ws:", "", text, sizeof text);
    return nj_raise(L, NJ_RUNTIME, "%s", text);
}

void nj_ws_open(lua_State *L) {
    static const luaL_Reg functions[] = {{"broadcast", broadcast}, {"conns", conns}, {"get", get}, {NULL, NULL}};
    nj_vm *vm = nj_vm_of(L);
    luaL_newlib(L, functions);
    nj_task_open(L);
    nj_timer_open(L);
    nj_wake_open(L);
    nj_room_open(L);
    nj_log_open(L);
    lua_setfield(L, -2, "log");
    nj_json_open(L);
    lua_setfield(L, -2, "json");
    nj_shared_open(L);
    lua_setfield(L, -2, "shared");
    nj_crypto_open(L);
    lua_setfield(L, -2, "crypto");
    nj_system_open(L);
    lua_pushstring(L, vm->product_version);
    lua_setfield(L, -2, "version");
    nj_names_seal(L, names, "ws", refuse_read);
    lua_pushvalue(L, -1);
    vm->ws_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
