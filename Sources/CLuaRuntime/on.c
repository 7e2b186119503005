//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// on: text that is a JSON object goes to the entry that its `type` names, or whatever field the script's `key` is. Other text
// goes to `invalid` with the reason, without that to `message`.

#include "runtime.h"

#include <stdio.h>

// Pushes the entry for the value at the top and leaves it above the value; false, and nothing more, when there is none.
// Uses 3 slots.
static bool push_entry(lua_State *L, nj_vm *vm) {
    if (!lua_istable(L, -1)) return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->on_ref);
    lua_pushlstring(L, vm->key, vm->key_length);
    // A number would be converted where it stands, and name an entry that was written as a string.
    if (lua_rawget(L, -3) == LUA_TSTRING && lua_rawget(L, -2) == LUA_TFUNCTION) {
        lua_remove(L, -2);
        return true;
    }
    lua_pop(L, 2);
    return false;
}

int nj_on_push(lua_State *L, nj_vm *vm, const nj_event *event) {
    const char *bytes = event->length > 0 ? event->bytes : "";
    size_t error;
    const char *why;
    bool is_json = nj_json_read(L, vm, bytes, event->length, &error, &why);
    if (is_json && push_entry(L, vm)) {
        lua_insert(L, -2);
        nj_connection_push(L, vm, event->id);
        lua_insert(L, -2);
        return 2;
    }
    if (is_json) lua_pop(L, 1);
    bool is_message = vm->invalid_ref == LUA_NOREF;
    int reference = is_message ? vm->handler_refs[NJ_EVENT_MESSAGE] : vm->invalid_ref;
    if (reference == LUA_NOREF) return -1;
    lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
    nj_connection_push(L, vm, event->id);
    lua_pushlstring(L, bytes, event->length);
    if (is_message) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, vm->text_ref);
    } else {
        lua_pushstring(L, is_json ? "type" : "json");
    }
    return 3;
}

// MARK: The table

void nj_on_take(lua_State *L, nj_vm *vm, const char *script) {
    char quoted[NJ_QUOTED_CAPACITY], text[256];
    if (!lua_istable(L, -1)) {
        snprintf(text, sizeof text, "\"on\" must be a table of functions, not a %s", luaL_typename(L, -1));
        nj_handlers_complain(L, vm, script, text);
        lua_pop(L, 1);
        return;
    }
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            nj_handlers_complain(L, vm, script, "the keys of \"on\" must be strings: what the messages' type says");
        } else if (!lua_isfunction(L, -1)) {
            size_t length;
            const char *name = lua_tolstring(L, -2, &length);
            snprintf(text, sizeof text, "\"on.%s\" must be a function, not a %s", nj_names_quote(name, length, quoted),
                     luaL_typename(L, -1));
            nj_handlers_complain(L, vm, script, text);
        }
        lua_pop(L, 1);
    }
    vm->on_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
