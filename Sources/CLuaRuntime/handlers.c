//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The table that a script returns, checked key by key: a handler that is mistyped or not there yet must not be ignored.
// What is neither handler nor reserved is a setting, which the host checks; a function only under the name of one, as it may
// be a handler that is mistyped.

#include "runtime.h"

#include <stdio.h>
#include <string.h>

static const char *const handlers[NJ_HANDLER_COUNT] = {
    [NJ_EVENT_CONNECT] = "connect", [NJ_EVENT_MESSAGE] = "message", [NJ_EVENT_CLOSE] = "close",
    [NJ_EVENT_DRAIN] = "drain",     [NJ_EVENT_ERROR] = "error",     [NJ_EVENT_UPGRADE] = "upgrade",
    [NJ_EVENT_REQUEST] = "request",
};

static const nj_name names[] = {
    {"connect", NJ_KNOWN},     {"message", NJ_KNOWN},  {"close", NJ_KNOWN},       {"drain", NJ_KNOWN},
    {"error", NJ_KNOWN},       {"upgrade", NJ_KNOWN},  {"on", NJ_KNOWN},          {"invalid", NJ_KNOWN},
    {"request", NJ_KNOWN},     {"save", NJ_KNOWN},     {"load", NJ_KNOWN},
    {"calls", NJ_RESERVED},    {"event", NJ_RESERVED}, {"presence", NJ_RESERVED}, {"alarm", NJ_RESERVED},
    {"history", NJ_RESERVED},  {"track", NJ_RESERVED}, {"shard_by", NJ_RESERVED}, {"auto_reply", NJ_RESERVED},
    {"schema", NJ_RESERVED},   {NULL, NJ_KNOWN},
};

// What settings the host knows; for the message to whoever gives one a function.
static const char *const settings[] = {
    "path", "instances", "origins", "protocols", "key", "limits", "compress", "deflate", "slow", "keep_alive",
};

const char *nj_handler_name(nj_event_kind kind) {
    return kind < NJ_HANDLER_COUNT ? handlers[kind] : kind == NJ_EVENT_TIMER ? "a timer" : "a spawned body";
}

void nj_handlers_complain(lua_State *L, nj_vm *vm, const char *script, const char *text) {
    nj_bytes *complaints = &vm->scratch;
    if (complaints->length > 0) nj_bytes_append(complaints, "\n", 1);
    nj_bytes_append(complaints, script, strlen(script));
    nj_bytes_append(complaints, ": ", 2);
    nj_bytes_append(complaints, text, strlen(text));
    if (complaints->failed) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
}

// Raises what there is to complain of, a line each.
static void refuse(lua_State *L, nj_vm *vm) {
    const nj_bytes *complaints = &vm->scratch;
    if (complaints->length == 0) return;
    vm->raising = NJ_CONTRACT;
    lua_pushlstring(L, (const char *)complaints->start, complaints->length);
    lua_error(L);
}

// Where the function of an entry is kept; NULL when no entry of that name is a function.
static int *reference_of(nj_vm *vm, const char *key, size_t length) {
    for (int kind = 0; kind < NJ_HANDLER_COUNT; kind++) {
        if (nj_names_equal(key, length, handlers[kind])) return &vm->handler_refs[kind];
    }
    if (nj_names_equal(key, length, "invalid")) return &vm->invalid_ref;
    if (nj_names_equal(key, length, "load")) return &vm->load_ref;
    if (nj_names_equal(key, length, "save")) return &vm->save_ref;
    return NULL;
}

static bool is_listed(const char *key, size_t length) {
    for (const nj_name *name = names; name->name != NULL; name++) {
        if (nj_names_equal(key, length, name->name)) return true;
    }
    return false;
}

static bool is_setting(const char *key, size_t length) {
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (nj_names_equal(key, length, settings[i])) return true;
    }
    return false;
}

// Takes the entry at the top, and pops the value. Stack: table, key, value.
static void take_entry(lua_State *L, nj_vm *vm, const char *script) {
    char text[512];
    if (lua_type(L, -2) != LUA_TSTRING) {
        const char *what = "the keys of the returned table must be strings: names of handlers and settings";
        nj_handlers_complain(L, vm, script, what);
        lua_pop(L, 1);
        return;
    }
    size_t length;
    const char *key = lua_tolstring(L, -2, &length);
    int *reference = reference_of(vm, key, length);
    if (key[0] == '_') {
        lua_pop(L, 1);
    } else if (nj_names_equal(key, length, "on")) {
        nj_on_take(L, vm, script);
    } else if (reference == NULL && (is_setting(key, length) || (!lua_isfunction(L, -1) && !is_listed(key, length)))) {
        nj_settings_take(L, vm, script);
        lua_pop(L, 1);
    } else if (reference == NULL) {
        nj_names_explain(names, key, length, "key of the returned table:",
                         ": the handlers are upgrade, connect, message, on, invalid, close, drain, error, request, save and "
                         "load; a key of the script's own begins with _", text, sizeof text);
        nj_handlers_complain(L, vm, script, text);
        lua_pop(L, 1);
    } else if (!lua_isfunction(L, -1)) {
        snprintf(text, sizeof text, "\"%s\" must be a function, not a %s", key, luaL_typename(L, -1));
        nj_handlers_complain(L, vm, script, text);
        lua_pop(L, 1);
    } else {
        *reference = luaL_ref(L, LUA_REGISTRYINDEX);
    }
}

// Making a request takes time and memory: a handler that does not name it is not given one.
static bool takes_two_arguments(lua_State *L, int reference) {
    lua_Debug function;
    lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
    lua_getinfo(L, ">u", &function);
    return function.isvararg || function.nparams >= 2;
}

// Looks at all of it: who has to mend one thing wants to know of the others too.
void nj_handlers_take(lua_State *L, nj_vm *vm, const char *script) {
    nj_bytes_empty(&vm->scratch, NJ_OUTBOX_KEPT);
    if (!lua_istable(L, -1)) {
        char text[256];
        snprintf(text, sizeof text, "a script must return a table of handlers, such as { message = function(conn, data, kind) "
                                    "... end }; this one returned %s", luaL_typename(L, -1));
        nj_handlers_complain(L, vm, script, text);
        refuse(L, vm);
        return;
    }
    bool has_on = false;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        size_t length;
        const char *key = lua_type(L, -2) == LUA_TSTRING ? lua_tolstring(L, -2, &length) : NULL;
        has_on = has_on || (key != NULL && nj_names_equal(key, length, "on"));
        take_entry(L, vm, script);
    }
    if (vm->invalid_ref != LUA_NOREF && !has_on) {
        nj_handlers_complain(L, vm, script, "\"invalid\" is called for text that \"on\" has no entry for: add \"on\"");
    }
    refuse(L, vm);
    int connect = vm->handler_refs[NJ_EVENT_CONNECT];
    vm->connect_takes_request = connect != LUA_NOREF && takes_two_arguments(L, connect);
}
