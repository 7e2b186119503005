//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// ws.wait and ws.wake: who waits for which name is kept by the host, so that it outlives a version of the script; the value
// crosses as plain data.

#include "runtime.h"

#define LONGEST_NAME 256

static const char *read_name(lua_State *L, const char *function, size_t *length) {
    if (lua_type(L, 1) != LUA_TSTRING) {
        nj_raise(L, NJ_RUNTIME, "%s: name must be a string, not %s", function,
                 lua_isnone(L, 1) ? "missing" : luaL_typename(L, 1));
    }
    const char *name = lua_tolstring(L, 1, length);
    if (*length < 1 || *length > LONGEST_NAME) {
        nj_raise(L, NJ_RUNTIME, "%s: name must have 1 to %d bytes, not %zu", function, LONGEST_NAME, *length);
    }
    return name;
}

static int woken(lua_State *L, int status, lua_KContext context) {
    (void)status, (void)context;
    const nj_resumption *resumption = nj_task_resumption(L);
    if (resumption->wakening != NJ_WOKEN) {
        lua_pushnil(L);
        lua_pushliteral(L, "timeout");
        return 2;
    }
    nj_plain_push(L, nj_vm_of(L), resumption->bytes, resumption->length);
    return 1;
}

// ws.wait(name [, timeout])
static int wait_for(lua_State *L) {
    nj_wait wait = {.kind = NJ_WAIT_NAME, .timeout = -1};
    wait.name = read_name(L, "ws.wait", &wait.name_length);
    if (!lua_isnoneornil(L, 2)) wait.timeout = nj_duration_read(L, 2, "ws.wait", "timeout");
    return nj_task_wait(L, "ws.wait", &wait, woken);
}

// ws.wake(name [, value])
static int wake(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    if (vm->phase != NJ_PHASE_RUN) return nj_raise_phase(L, vm, "ws.wake");
    size_t length;
    const char *name = read_name(L, "ws.wake", &length);
    nj_bytes *bytes = &vm->answer.bytes;
    nj_bytes_empty(bytes, NJ_OUTBOX_KEPT);
    lua_settop(L, 2);
    // A conn is a stranger to every VM but its own.
    nj_plain_write(L, vm, 2, bytes, "ws.wake: value", vm->instances > 1 ? NJ_PLAIN_ROOMS : NJ_PLAIN_OBJECTS);
    lua_pushinteger(L, (lua_Integer)vm->host.wake(vm->host.context, name, length, bytes->start, bytes->length));
    return 1;
}

void nj_wake_open(lua_State *L) {
    static const luaL_Reg functions[] = {{"wait", wait_for}, {"wake", wake}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
