//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The state of the connection whose handler has run, looked at under --dev: what cannot be kept over a reload is told
// when it comes about, not when somebody saves a file.

#include "runtime.h"

#include <stdio.h>
#include <string.h>

// A larger state is looked at up to here.
#define PATIENCE 10000

// A number for the handler and the kind of mistake: of list positions and odd keys, one is as good as another.
static uint64_t kind_of(const char *handler, const char *why) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *next = handler; *next != '\0'; next++) hash = (hash ^ (uint8_t)*next) * UINT64_C(0x100000001b3);
    for (const char *next = why; *next != '\0'; next++) {
        if (*next == '[' && strchr(next, ']') != NULL) next = strchr(next, ']');
        hash = (hash ^ (uint8_t)*next) * UINT64_C(0x100000001b3);
    }
    return hash;
}

// Whether this is to be told: once, and not without end.
static bool is_news(nj_vm *vm, uint64_t kind) {
    for (int i = 0; i < vm->warning_count; i++) {
        if (vm->warnings[i] == kind) return false;
    }
    if (vm->warning_count == NJ_MOST_WARNINGS) return false;
    vm->warnings[vm->warning_count] = kind;
    vm->warning_count += 1;
    return true;
}

static void warn(nj_vm *vm, const char *why) {
    char text[NJ_PLAIN_WHY_CAPACITY + 128];
    const char *handler = nj_handler_name(vm->task.kind);
    if (!is_news(vm, kind_of(handler, why))) return;
    bool is_last = vm->warning_count == NJ_MOST_WARNINGS;
    snprintf(text, sizeof text, "after %s: %s; as it is, a reload would fail%s", handler, why,
             is_last ? " (no more such warnings follow)" : "");
    vm->host.log(vm->host.context, NJ_WARNING, text, strlen(text), &vm->task.connection, vm->script);
}

void nj_state_check(lua_State *L, nj_vm *vm) {
    if (!vm->task.has_connection || vm->task.kind == NJ_EVENT_CLOSE) return;
    int top = lua_gettop(L);
    luaL_checkstack(L, 8, NULL);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->connections_ref);
    bool has_object = lua_rawgeti(L, -1, (lua_Integer)vm->task.connection) == LUA_TUSERDATA;
    if (has_object && lua_getiuservalue(L, -1, NJ_CONNECTION_STATE) == LUA_TTABLE) {
        char why[NJ_PLAIN_WHY_CAPACITY];
        if (!nj_plain_check(L, vm, -1, "conn.state", NJ_PLAIN_OBJECTS, 0, PATIENCE, why)) warn(vm, why);
    }
    lua_settop(L, top);
}
