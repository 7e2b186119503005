//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Names that a script may use, must not use yet, or mistyped.

#include "runtime.h"

#include <stdio.h>
#include <string.h>

#define LONGEST 32

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

// How many characters must be put in, taken out or exchanged to make one word of the other; LONGEST for long words.
static size_t distance(const char *a, const char *b, size_t b_length) {
    size_t a_length = strlen(a);
    if (a_length >= LONGEST || b_length >= LONGEST) return LONGEST;
    size_t row[LONGEST];
    for (size_t j = 0; j <= b_length; j++) row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t exchanged = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(exchanged, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[b_length];
}

bool nj_names_equal(const char *name, size_t length, const char *word) {
    return length == strlen(word) && memcmp(name, word, length) == 0;
}

const char *nj_names_quote(const char *name, size_t length, char quoted[NJ_QUOTED_CAPACITY]) {
    size_t written = 0;
    for (size_t i = 0; i < length && written < 64; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c < ' ' || c == 0x7F) {
            written += (size_t)snprintf(quoted + written, NJ_QUOTED_CAPACITY - written, "\\x%02X", c);
        } else {
            quoted[written++] = name[i];
        }
    }
    quoted[written] = '\0';
    return quoted;
}

void nj_names_explain(const nj_name *names, const char *key, size_t length, const char *what, const char *otherwise,
                      char *text, size_t capacity) {
    char quoted[NJ_QUOTED_CAPACITY];
    const char *nearest = NULL;
    // Half of a short word is no typing error, three letters of a long one may be.
    size_t best = least(length / 3 + 1, 3) + 1;
    for (const nj_name *known = names; known->name != NULL; known++) {
        if (nj_names_equal(key, length, known->name)) {
            const char *why = known->standing == NJ_RESERVED ? "is reserved for a later version"
                                                             : "is not in this version yet";
            snprintf(text, capacity, "%s \"%s\" %s", what, known->name, why);
            return;
        }
        size_t apart = known->standing == NJ_RESERVED ? LONGEST : distance(known->name, key, length);
        if (apart < best) {
            best = apart;
            nearest = known->name;
        }
    }
    nj_names_quote(key, length, quoted);
    if (nearest != NULL) {
        snprintf(text, capacity, "unknown %s \"%s\": did you mean \"%s\"?", what, quoted, nearest);
    } else {
        snprintf(text, capacity, "unknown %s \"%s\"%s", what, quoted, otherwise);
    }
}

// Upvalues: the names, the table's own.
static int refuse_read(lua_State *L) {
    const nj_name *names = lua_touserdata(L, lua_upvalueindex(1));
    const char *table = lua_tostring(L, lua_upvalueindex(2));
    if (lua_type(L, 2) != LUA_TSTRING) {
        return nj_raise(L, NJ_RUNTIME, "%s has no field of type %s", table, luaL_typename(L, 2));
    }
    char what[64], text[256];
    size_t length;
    const char *key = lua_tolstring(L, 2, &length);
    snprintf(what, sizeof what, "field of %s:", table);
    nj_names_explain(names, key, length, what, "", text, sizeof text);
    return nj_raise(L, NJ_RUNTIME, "%s", text);
}

// Upvalues: the names, the table's own.
static int refuse_write(lua_State *L) {
    const nj_name *names = lua_touserdata(L, lua_upvalueindex(1));
    const char *table = lua_tostring(L, lua_upvalueindex(2));
    size_t length = 0;
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tolstring(L, 2, &length) : NULL;
    for (const nj_name *known = names; key != NULL && known->name != NULL; known++) {
        if (known->standing != NJ_KNOWN || !nj_names_equal(key, length, known->name)) continue;
        return nj_raise(L, NJ_RUNTIME, "%s.%s cannot be written: use a variable of the script", table, known->name);
    }
    return nj_raise(L, NJ_RUNTIME, "%s cannot be given new fields: use a variable of the script", table);
}

// Upvalue: the fields.
static int next_field(lua_State *L) {
    lua_settop(L, 2);
    if (lua_next(L, lua_upvalueindex(1))) return 2;
    lua_pushnil(L);
    return 1;
}

// Upvalue: the fields.
static int all_fields(lua_State *L) {
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushcclosure(L, next_field, 1);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

void nj_names_seal(lua_State *L, const nj_name *names, const char *table, lua_CFunction read) {
    int fields = lua_gettop(L);
    luaL_checkstack(L, 8, NULL);
    lua_createtable(L, 0, 1);
    lua_pushlightuserdata(L, (void *)(uintptr_t)names);
    lua_pushstring(L, table);
    lua_pushcclosure(L, read == NULL ? refuse_read : read, 2);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, fields);
    // Nobody is asked before a field is written that is there: what the script has is empty, and finds the fields behind it.
    lua_newtable(L);
    lua_createtable(L, 0, 4);
    lua_pushvalue(L, fields);
    lua_setfield(L, -2, "__index");
    lua_pushlightuserdata(L, (void *)(uintptr_t)names);
    lua_pushstring(L, table);
    lua_pushcclosure(L, refuse_write, 2);
    lua_setfield(L, -2, "__newindex");
    lua_pushvalue(L, fields);
    lua_pushcclosure(L, all_fields, 1);
    lua_setfield(L, -2, "__pairs");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_replace(L, fields);
}
