//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Lua's own functions behind a look at their arguments: what they do is as it should be, as long as there is not too much
// of it. Each is a closure over Lua's function, which runs in the same call, so that its errors name the same place.

#include "library.h"

#include <string.h>

// Bytes of a format of string.format, of string.pack and unpack, and of os.date.
#define LONGEST_FORMAT (1 << 20)
#define LONGEST_PACKING (64 * 1024)
#define LONGEST_DATE 1024

// Bytes that string.format writes with %q, each as up to four, and that string.pack pads with its c.
#define MOST_QUOTED (1 << 20)
#define MOST_PADDED (1 << 20)

// Bytes of a text that is taken for a number.
#define LONGEST_NUMBER (64 * 1024)

static int call_lua(lua_State *L) { return lua_tocfunction(L, lua_upvalueindex(1))(L); }

// Has `guard`, whose upvalue is Lua's function, take the place of a field of the table at the top.
static void put_in_front(lua_State *L, const char *name, lua_CFunction guard) {
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, guard, 1);
    lua_setfield(L, -2, name);
}

static void check_format(lua_State *L, int index, const char *function, size_t longest) {
    if (lua_type(L, index) != LUA_TSTRING || lua_rawlen(L, index) <= longest) return;
    luaL_error(L, "%s: a format may have %d bytes", function, (int)longest);
}

// MARK: string.format

// Has the values of %s that are no strings become strings now, and answers how many bytes of strings are quoted.
static size_t convert_values(lua_State *L) {
    size_t length, quoted = 0;
    const char *at = lua_tolstring(L, 1, &length), *end = at + length;
    int count = lua_gettop(L), index = 1;
    while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
        at += 1 + strspn(at + 1, "-+ #0123456789.");
        char what = *at;
        if (at < end) at++;
        if (what == '%' || ++index > count) continue;
        if (what == 'q' && lua_type(L, index) == LUA_TSTRING) quoted += lua_rawlen(L, index);
        if (what != 's' || lua_type(L, index) < LUA_TTABLE) continue;
        luaL_tolstring(L, index, NULL);
        lua_replace(L, index);
    }
    return quoted;
}

// The bytes of all strings among the arguments.
static size_t count_bytes(lua_State *L, bool *has_objects) {
    size_t total = 0;
    *has_objects = false;
    for (int i = lua_gettop(L); i > 0; i--) {
        int type = lua_type(L, i);
        if (type == LUA_TSTRING) total += lua_rawlen(L, i);
        if (type >= LUA_TTABLE) *has_objects = true;
    }
    return total;
}

static int format(lua_State *L) {
    check_format(L, 1, "string.format", LONGEST_FORMAT);
    nj_check_values(L, "string.format", (lua_Unsigned)lua_gettop(L));
    bool has_objects;
    size_t total = count_bytes(L, &has_objects);
    if ((has_objects || total > MOST_QUOTED) && lua_type(L, 1) == LUA_TSTRING) {
        if (convert_values(L) > MOST_QUOTED) {
            return luaL_error(L, "string.format: %%q takes at most %d bytes", MOST_QUOTED);
        }
        total = count_bytes(L, &has_objects);
    }
    if (total > NJ_LONGEST_STRING) return nj_raise_too_long(L, "string.format", "put it together from parts");
    return call_lua(L);
}

// MARK: string.pack, packsize, unpack

// The bytes that the options c of a format stand for.
static size_t padding_of(const char *at) {
    size_t total = 0;
    while ((at = strchr(at, 'c')) != NULL) {
        size_t size = 0;
        for (at++; *at >= '0' && *at <= '9'; at++) {
            if (size <= MOST_PADDED) size = size * 10 + (size_t)(*at - '0');
        }
        total += size;
    }
    return total;
}

static int pack(lua_State *L) {
    check_format(L, 1, "string.pack", LONGEST_PACKING);
    size_t total = 0;
    for (int i = lua_gettop(L); i > 1; i--) {
        if (lua_type(L, i) == LUA_TSTRING) total += lua_rawlen(L, i);
    }
    if (total > NJ_LONGEST_STRING) return nj_raise_too_long(L, "string.pack", "pack it in parts");
    if (lua_type(L, 1) == LUA_TSTRING && padding_of(lua_tostring(L, 1)) > MOST_PADDED) {
        return luaL_error(L, "string.pack: c takes at most %d bytes; use s or z", MOST_PADDED);
    }
    return call_lua(L);
}

static int packsize(lua_State *L) {
    check_format(L, 1, "string.packsize", LONGEST_PACKING);
    return call_lua(L);
}

static int unpack(lua_State *L) {
    check_format(L, 1, "string.unpack", LONGEST_PACKING);
    return call_lua(L);
}

// MARK: The others

static int utf8_char(lua_State *L) {
    nj_check_values(L, "utf8.char", (lua_Unsigned)lua_gettop(L));
    return call_lua(L);
}

static int date(lua_State *L) {
    check_format(L, 1, "os.date", LONGEST_DATE);
    return call_lua(L);
}

static bool is_long_text(lua_State *L, int index) {
    return lua_type(L, index) == LUA_TSTRING && lua_rawlen(L, index) > LONGEST_NUMBER;
}

// A text of that length is no number that anybody has written.
static int tonumber(lua_State *L) {
    if (!is_long_text(L, 1)) return call_lua(L);
    luaL_pushfail(L);
    return 1;
}

// What strings do in arithmetic: the metamethods.
static int calculate(lua_State *L) {
    if (is_long_text(L, 1) || is_long_text(L, 2)) {
        return luaL_error(L, "attempt to calculate with a text of more than %d bytes", LONGEST_NUMBER);
    }
    return call_lua(L);
}

typedef struct guarded {
    const char *library, *name;
    lua_CFunction guard;
} guarded;

void nj_bounds_open(lua_State *L) {
    static const guarded functions[] = {
        {"string", "format", format},     {"string", "pack", pack},       {"string", "packsize", packsize},
        {"string", "unpack", unpack},     {"utf8", "char", utf8_char},    {"os", "date", date},
    };
    static const char *const arithmetic[] = {
        "__add", "__sub", "__mul", "__mod", "__pow", "__div", "__idiv", "__unm",
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_getfield(L, -1, functions[i].library);
        put_in_front(L, functions[i].name, functions[i].guard);
        lua_pop(L, 1);
    }
    put_in_front(L, "tonumber", tonumber);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    for (size_t i = 0; i < sizeof arithmetic / sizeof arithmetic[0]; i++) put_in_front(L, arithmetic[i], calculate);
    lua_pop(L, 2);
}
