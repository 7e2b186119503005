//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The settings in the table that a script returns, as one flat list of dotted keys and values. What they may be is no
// matter of this file: the host reads them by the same rules as its configuration.

#include "runtime.h"

#include <stdio.h>
#include <string.h>

// What stands before the bytes of the key, and those before the bytes of the value.
typedef struct nj_setting_head {
    nj_setting_type type;
    bool boolean;
    size_t key_length, length;
    uint64_t index;
    int64_t integer;
    double number;
} nj_setting_head;

static void complain(lua_State *L, nj_vm *vm, const char *script, int key, const char *what) {
    char quoted[NJ_QUOTED_CAPACITY], text[256];
    size_t length;
    const char *bytes = lua_tolstring(L, key, &length);
    snprintf(text, sizeof text, "%s: %s", nj_names_quote(bytes, length, quoted), what);
    nj_handlers_complain(L, vm, script, text);
}

// Uses 2 slots.
static bool has_entries(lua_State *L, int table) {
    lua_pushnil(L);
    if (!lua_next(L, table)) return false;
    lua_pop(L, 2);
    return true;
}

// Appends one value. Its key is at the index `key`. Uses 2 slots.
static void append(lua_State *L, nj_vm *vm, int key, uint64_t index, int value) {
    nj_setting_head head = {.index = index};
    const char *bytes = "";
    switch (lua_type(L, value)) {
    case LUA_TBOOLEAN:
        head.type = NJ_SETTING_BOOLEAN;
        head.boolean = lua_toboolean(L, value);
        break;
    case LUA_TNUMBER:
        head.type = lua_isinteger(L, value) ? NJ_SETTING_INTEGER : NJ_SETTING_NUMBER;
        head.integer = head.type == NJ_SETTING_INTEGER ? lua_tointeger(L, value) : 0;
        head.number = lua_tonumber(L, value);
        break;
    case LUA_TSTRING:
        head.type = NJ_SETTING_STRING;
        bytes = lua_tolstring(L, value, &head.length);
        break;
    default:
        head.type = lua_istable(L, value) && !has_entries(L, value) ? NJ_SETTING_EMPTY_TABLE : NJ_SETTING_OTHER;
        bytes = luaL_typename(L, value);
        head.length = strlen(bytes);
    }
    const char *text = lua_tolstring(L, key, &head.key_length);
    nj_bytes_append(&vm->settings, &head, sizeof head);
    nj_bytes_append(&vm->settings, text, head.key_length);
    nj_bytes_append(&vm->settings, bytes, head.length);
    if (vm->settings.failed) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
}

// A dot stands for nothing: a key that is written with one would be taken for one that is nested, and given twice.
static bool is_dotted(lua_State *L, nj_vm *vm, const char *script, int key) {
    size_t length;
    const char *bytes = lua_tolstring(L, key, &length);
    const char *dot = memchr(bytes, '.', length);
    if (dot == NULL) return false;
    char quoted[NJ_QUOTED_CAPACITY], outer[NJ_QUOTED_CAPACITY], inner[NJ_QUOTED_CAPACITY], text[4 * NJ_QUOTED_CAPACITY];
    snprintf(text, sizeof text, "unknown key of the returned table: \"%s\": write %s = { %s = ... }",
             nj_names_quote(bytes, length, quoted), nj_names_quote(bytes, (size_t)(dot - bytes), outer),
             nj_names_quote(dot + 1, length - (size_t)(dot - bytes) - 1, inner));
    nj_handlers_complain(L, vm, script, text);
    return true;
}

// Takes the value at the top, whose key is at the index `key`; a table is entered, down to `depth`.
static void take(lua_State *L, nj_vm *vm, const char *script, int key, int depth) {
    int value = lua_gettop(L);
    if (depth == 0 || !lua_istable(L, value) || !has_entries(L, value)) {
        append(L, vm, key, 0, value);
        return;
    }
    luaL_checkstack(L, 8, "too many settings");
    lua_pushnil(L);
    while (lua_next(L, value)) {
        int entry = lua_gettop(L);
        if (lua_type(L, entry - 1) == LUA_TSTRING && is_dotted(L, vm, script, entry - 1)) {
            lua_settop(L, entry - 1);
            continue;
        }
        if (lua_type(L, entry - 1) == LUA_TSTRING) {
            lua_pushvalue(L, key);
            lua_pushliteral(L, ".");
            lua_pushvalue(L, entry - 1);
            lua_concat(L, 3);
            lua_insert(L, entry);
            take(L, vm, script, entry, depth - 1);
        } else if (lua_isinteger(L, entry - 1) && lua_tointeger(L, entry - 1) > 0) {
            append(L, vm, key, (uint64_t)lua_tointeger(L, entry - 1), entry);
        } else {
            complain(L, vm, script, key, "the keys in it must be strings, or 1, 2, 3 and so on");
        }
        lua_settop(L, entry - 1);
    }
}

void nj_settings_take(lua_State *L, nj_vm *vm, const char *script) {
    int value = lua_gettop(L);
    if (!is_dotted(L, vm, script, value - 1)) take(L, vm, script, value - 1, NJ_SETTING_DEPTH);
    lua_settop(L, value);
}

bool nj_vm_next_setting(nj_vm *vm, nj_setting *setting) {
    if (vm->settings_read >= vm->settings.length) {
        nj_bytes_empty(&vm->settings, 0);
        vm->settings_read = 0;
        return false;
    }
    nj_setting_head head;
    memcpy(&head, vm->settings.start + vm->settings_read, sizeof head);
    vm->settings_read += sizeof head;
    const uint8_t *key = vm->settings.start + vm->settings_read;
    vm->settings_read += head.key_length + head.length;
    *setting = (nj_setting){
        .type = head.type,
        .key = key,
        .key_length = head.key_length,
        .index = head.index,
        .boolean = head.boolean,
        .integer = head.integer,
        .number = head.number,
        .bytes = key + head.key_length,
        .length = head.length,
    };
    return true;
}
