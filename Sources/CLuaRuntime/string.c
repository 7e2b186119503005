//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// string.rep, reverse, lower, upper and byte: what makes a long string, or many values, of a short call.

#include "library.h"

#include <string.h>

// Bytes between two looks at the deadline.
#define STRETCH ((size_t)1 << 20)

int nj_raise_too_long(lua_State *L, const char *function, const char *remedy) {
    return luaL_error(L, "%s: the result is longer than %d bytes; %s", function, (int)NJ_LONGEST_STRING, remedy);
}

void nj_check_values(lua_State *L, const char *function, lua_Unsigned count) {
    if (count <= NJ_MOST_VALUES) return;
    luaL_error(L, "%s: more than %d values; take them in parts", function, NJ_MOST_VALUES);
}

// string.rep(text, count [, separator])
static int rep(lua_State *L) {
    size_t length, separator_length;
    const char *text = luaL_checklstring(L, 1, &length);
    lua_Integer count = luaL_checkinteger(L, 2);
    const char *separator = luaL_optlstring(L, 3, "", &separator_length);
    size_t unit = length + separator_length;
    if (count <= 0 || unit == 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    if (count == 1) {
        lua_settop(L, 1);
        return 1;
    }
    if ((lua_Unsigned)count > (NJ_LONGEST_STRING + separator_length) / unit) {
        return nj_raise_too_long(L, "string.rep", "repeat it less often, or send it in parts");
    }
    size_t total = unit * (size_t)count - separator_length;
    luaL_Buffer buffer;
    char *result = luaL_buffinitsize(L, &buffer, total);
    memcpy(result, text, length);
    memcpy(result + length, separator, separator_length);
    // What is there already is copied behind itself.
    for (size_t done = unit; done < total;) {
        size_t part = total - done < done ? total - done : done;
        memcpy(result + done, result, part);
        done += part;
    }
    luaL_pushresultsize(&buffer, total);
    return 1;
}

typedef enum change { REVERSE, LOWER, UPPER } change;

static void write_changed(change change, char *result, const char *text, size_t start, size_t end, size_t length) {
    for (size_t i = start; i < end; i++) {
        char byte = change == REVERSE ? text[length - 1 - i] : text[i];
        if (change == LOWER && byte >= 'A' && byte <= 'Z') byte = (char)(byte + ('a' - 'A'));
        if (change == UPPER && byte >= 'a' && byte <= 'z') byte = (char)(byte - ('a' - 'A'));
        result[i] = byte;
    }
}

static int push_changed(lua_State *L, const char *function, change change) {
    nj_vm *vm = nj_vm_of(L);
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    if (length > NJ_LONGEST_STRING) return nj_raise_too_long(L, function, "take the text in parts");
    luaL_Buffer buffer;
    char *result = luaL_buffinitsize(L, &buffer, length);
    for (size_t start = 0; start < length; start += STRETCH) {
        size_t end = length - start > STRETCH ? start + STRETCH : length;
        if (start > 0) nj_watch_look(L, vm);
        switch (change) {
        // Each of them is a loop of its own.
        case REVERSE: write_changed(REVERSE, result, text, start, end, length); break;
        case LOWER: write_changed(LOWER, result, text, start, end, length); break;
        case UPPER: write_changed(UPPER, result, text, start, end, length); break;
        }
    }
    luaL_pushresultsize(&buffer, length);
    return 1;
}

// string.reverse(text)
static int reverse(lua_State *L) { return push_changed(L, "string.reverse", REVERSE); }

// string.lower(text)
static int lower(lua_State *L) { return push_changed(L, "string.lower", LOWER); }

// string.upper(text)
static int upper(lua_State *L) { return push_changed(L, "string.upper", UPPER); }

// string.byte(text [, first [, last]])
static int byte(lua_State *L) {
    size_t length;
    const char *text = luaL_checklstring(L, 1, &length);
    lua_Integer size = (lua_Integer)length, first = luaL_optinteger(L, 2, 1), last = luaL_optinteger(L, 3, first);
    if (first < 0) first = first < -size ? 1 : size + first + 1;
    if (first == 0) first = 1;
    if (last < 0) last = last < -size ? 0 : size + last + 1;
    if (last > size) last = size;
    if (first > last) return 0;
    int count = (int)(last - first < NJ_MOST_VALUES ? last - first + 1 : NJ_MOST_VALUES + 1);
    nj_check_values(L, "string.byte", (lua_Unsigned)count);
    luaL_checkstack(L, count, "string slice too long");
    for (lua_Integer i = first; i <= last; i++) lua_pushinteger(L, (unsigned char)text[i - 1]);
    return count;
}

void nj_string_open(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"byte", byte}, {"lower", lower}, {"rep", rep}, {"reverse", reverse}, {"upper", upper}, {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
