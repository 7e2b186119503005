//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Where inside a value something is wrong: data.players[3].name. A walk keeps a chain of keys on its C stack, and only a
// mistake makes text of it.

#include "runtime.h"

#include <stdio.h>
#include <string.h>

static bool is_name(const char *key, size_t length) {
    if (length == 0 || length > 40 || (key[0] >= '0' && key[0] <= '9')) return false;
    for (size_t i = 0; i < length; i++) {
        char c = key[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!is_word) return false;
    }
    return true;
}

static void write_key(lua_State *L, const nj_path *path, char *text, size_t capacity) {
    int key = path->key;
    if (key == 0) {
        snprintf(text, capacity, "[%lld]", (long long)path->position);
        return;
    }
    switch (lua_type(L, key)) {
    case LUA_TSTRING: {
        size_t length;
        char quoted[NJ_QUOTED_CAPACITY];
        const char *name = lua_tolstring(L, key, &length);
        if (is_name(name, length)) {
            snprintf(text, capacity, ".%s", name);
        } else {
            snprintf(text, capacity, "[\"%s\"]", nj_names_quote(name, length, quoted));
        }
        break;
    }
    case LUA_TNUMBER:
        if (lua_isinteger(L, key)) {
            snprintf(text, capacity, "[%lld]", (long long)lua_tointeger(L, key));
        } else {
            snprintf(text, capacity, "[%.14g]", (double)lua_tonumber(L, key));
        }
        break;
    case LUA_TBOOLEAN:
        snprintf(text, capacity, "[%s]", lua_toboolean(L, key) ? "true" : "false");
        break;
    default:
        snprintf(text, capacity, "[a %s]", nj_kind_of(L, key));
    }
}

// Answers the length written, or NJ_PATH_CAPACITY when it did not fit.
static size_t write_path(lua_State *L, const nj_path *path, char *text) {
    if (path->parent == NULL) {
        int length = snprintf(text, NJ_PATH_CAPACITY, "%s", path->root);
        return length < NJ_PATH_CAPACITY ? (size_t)length : NJ_PATH_CAPACITY;
    }
    size_t length = write_path(L, path->parent, text);
    if (length == NJ_PATH_CAPACITY) return length;
    char key[NJ_QUOTED_CAPACITY + 8];
    write_key(L, path, key, sizeof key);
    if (length + strlen(key) + sizeof "..." > NJ_PATH_CAPACITY) {
        memcpy(text + length, "...", sizeof "...");
        return NJ_PATH_CAPACITY;
    }
    memcpy(text + length, key, strlen(key) + 1);
    return length + strlen(key);
}

const char *nj_path_write(lua_State *L, const nj_path *path, char text[NJ_PATH_CAPACITY]) {
    write_path(L, path, text);
    return text;
}

const char *nj_kind_of(lua_State *L, int index) {
    switch (lua_type(L, index)) {
    case LUA_TNONE:
        return "missing";
    case LUA_TTHREAD:
        return "coroutine";
    case LUA_TUSERDATA: {
        // Its metatable keeps the name.
        if (luaL_getmetafield(L, index, "__name") == LUA_TNIL) return "userdata";
        const char *name = lua_tostring(L, -1);
        lua_pop(L, 1);
        return name;
    }
    default:
        return luaL_typename(L, index);
    }
}
