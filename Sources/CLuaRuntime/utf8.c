//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// utf8.len, utf8.offset and utf8.codepoint, which go through a text byte by byte.

#include "library.h"

// Bytes between two looks at the deadline.
#define STRETCH (64 * 1024)

// The end of the character that begins at `at`, and its code; NULL when there is none. Strings end with a zero, so no byte
// behind one is read. Beyond Unicode there is what the first UTF-8 had, up to 2^31.
static const char *read_character(const char *at, uint32_t *code, bool is_strict) {
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000};
    unsigned lead = (unsigned char)at[0];
    *code = lead;
    if (lead < 0x80) return at + 1;
    if (lead < 0xC0 || lead > 0xFD) return NULL;
    int rest = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF8 ? 3 : lead < 0xFC ? 4 : 5;
    uint32_t value = lead & (0x3Fu >> rest);
    for (int i = 1; i <= rest; i++) {
        unsigned byte = (unsigned char)at[i];
        if ((byte & 0xC0) != 0x80) return NULL;
        value = value << 6 | (byte & 0x3F);
    }
    *code = value;
    if (value < least[rest]) return NULL;
    if (is_strict && (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))) return NULL;
    return at + 1 + rest;
}

static bool continues(const char *at) { return (*at & 0xC0) == 0x80; }

// A position that may be counted from the end; 0 when that is before the start.
static lua_Integer absolute(lua_Integer position, lua_Integer length) {
    if (position >= 0) return position;
    return position < -length ? 0 : length + position + 1;
}

// utf8.len(text [, first [, last [, lax]]])
static int len(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_Integer length = (lua_Integer)size;
    lua_Integer first = absolute(luaL_optinteger(L, 2, 1), length), last = absolute(luaL_optinteger(L, 3, -1), length);
    bool is_strict = !lua_toboolean(L, 4);
    luaL_argcheck(L, first >= 1 && first - 1 <= length, 2, "initial position out of bounds");
    luaL_argcheck(L, last <= length, 3, "final position out of bounds");
    const char *at = text + first - 1, *end = text + last, *stop = at + STRETCH;
    lua_Integer count = 0;
    while (at < end) {
        uint32_t code;
        const char *next = read_character(at, &code, is_strict);
        if (next == NULL) {
            luaL_pushfail(L);
            lua_pushinteger(L, at - text + 1);
            return 2;
        }
        at = next;
        count += 1;
        if (at > stop) {
            nj_watch_look(L, vm);
            stop = at + STRETCH;
        }
    }
    lua_pushinteger(L, count);
    return 1;
}

// utf8.codepoint(text [, first [, last [, lax]]])
static int codepoint(lua_State *L) {
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_Integer length = (lua_Integer)size, first = absolute(luaL_optinteger(L, 2, 1), length);
    lua_Integer last = absolute(luaL_optinteger(L, 3, first), length);
    bool is_strict = !lua_toboolean(L, 4);
    luaL_argcheck(L, first >= 1, 2, "out of bounds");
    luaL_argcheck(L, last <= length, 3, "out of bounds");
    if (first > last) return 0;
    nj_check_values(L, "utf8.codepoint", (lua_Unsigned)(last - first + 1));
    luaL_checkstack(L, (int)(last - first + 1), "string slice too long");
    int count = 0;
    for (const char *at = text + first - 1, *end = text + last; at < end; count++) {
        uint32_t code;
        at = read_character(at, &code, is_strict);
        if (at == NULL) return luaL_error(L, "invalid UTF-8 code");
        lua_pushinteger(L, code);
    }
    return count;
}

static inline void look(lua_State *L, nj_vm *vm, lua_Integer at) {
    if (at % STRETCH == 0) nj_watch_look(L, vm);
}

// Where the character begins that is behind `at`: the zero behind the text continues none.
static lua_Integer next_start(lua_State *L, nj_vm *vm, const char *text, lua_Integer at) {
    do look(L, vm, ++at);
    while (continues(text + at));
    return at;
}

// Where the character begins that is in front of `at`.
static lua_Integer last_start(lua_State *L, nj_vm *vm, const char *text, lua_Integer at) {
    do look(L, vm, --at);
    while (at > 0 && continues(text + at));
    return at;
}

// utf8.offset(text, count [, start])
static int offset(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    size_t size;
    const char *text = luaL_checklstring(L, 1, &size);
    lua_Integer length = (lua_Integer)size, count = luaL_checkinteger(L, 2);
    lua_Integer at = absolute(luaL_optinteger(L, 3, count >= 0 ? 1 : length + 1), length) - 1;
    luaL_argcheck(L, at >= 0 && at <= length, 3, "position out of bounds");
    if (count == 0) {
        if (at > 0 && continues(text + at)) at = last_start(L, vm, text, at);
    } else if (continues(text + at)) {
        return luaL_error(L, "initial position is a continuation byte");
    }
    // The character at hand is the first one forwards, and none of those backwards.
    if (count > 0) count -= 1;
    for (; count > 0 && at < length; count--) at = next_start(L, vm, text, at);
    for (; count < 0 && at > 0; count++) at = last_start(L, vm, text, at);
    if (count == 0) {
        lua_pushinteger(L, at + 1);
    } else {
        luaL_pushfail(L);
    }
    return 1;
}

void nj_utf8_open(lua_State *L) {
    static const luaL_Reg functions[] = {{"codepoint", codepoint}, {"len", len}, {"offset", offset}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
