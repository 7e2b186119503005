//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// string.gsub.

#include "library.h"
#include "pattern.h"

#include <string.h>

typedef struct substitution {
    nj_matcher matcher;
    luaL_Buffer result;
    // What has not been copied into the result yet begins here.
    const char *rest;
    // The type of the third argument: what matches are replaced by.
    int type;
    const char *replacement;
    size_t replacement_length;
} substitution;

static inline void check_growth(substitution *sub, size_t growth) {
    // Strings are far from the end of the numbers.
    if (luaL_bufflen(&sub->result) + growth <= NJ_LONGEST_STRING) return;
    nj_raise_too_long(sub->matcher.L, "string.gsub", "replace in parts of the text");
}

static inline void append(substitution *sub, const char *bytes, size_t length) {
    check_growth(sub, length);
    if (length > 0) luaL_addlstring(&sub->result, bytes, length);
}

// Appends the replacement, with what its %0 to %9 stand for.
static void append_replacement(substitution *sub, const char *start, const char *end) {
    const char *at = sub->replacement, *last = at + sub->replacement_length;
    while (true) {
        const char *escape = memchr(at, '%', (size_t)(last - at));
        append(sub, at, (size_t)((escape == NULL ? last : escape) - at));
        if (escape == NULL) return;
        char what = escape[1];
        if (what == '%') {
            append(sub, "%", 1);
        } else if (what == '0') {
            append(sub, start, (size_t)(end - start));
        } else if (what >= '1' && what <= '9') {
            size_t length;
            const char *bytes = nj_matcher_capture(&sub->matcher, what - '1', start, end, &length);
            if (bytes != NULL) {
                append(sub, bytes, length);
            } else {
                luaL_addvalue(&sub->result);
            }
        } else {
            luaL_error(sub->matcher.L, "invalid use of '%%' in replacement string");
        }
        at = escape + 2;
        // Captures may be empty, and the result need not grow.
        nj_matcher_spend(&sub->matcher, 1);
    }
}

// Copies what is in front of a match, and replaces it unless a table or a function says that it stays.
static bool replace(substitution *sub, const char *start, const char *end) {
    lua_State *L = sub->matcher.L;
    append(sub, sub->rest, (size_t)(start - sub->rest));
    sub->rest = start;
    if (sub->type == LUA_TTABLE) {
        nj_matcher_push_capture(&sub->matcher, 0, start, end);
        lua_gettable(L, 3);
    } else if (sub->type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        int count = nj_matcher_push_captures(&sub->matcher, start, end);
        lua_call(L, count, 1);
    } else {
        append_replacement(sub, start, end);
        sub->rest = end;
        return true;
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        return false;
    }
    if (!lua_isstring(L, -1)) luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(&sub->result);
    check_growth(sub, 0);
    sub->rest = end;
    return true;
}

// string.gsub(text, pattern, replacement [, most])
static int gsub(lua_State *L) {
    size_t length, pattern_length;
    const char *text = luaL_checklstring(L, 1, &length), *pattern = luaL_checklstring(L, 2, &pattern_length);
    substitution sub;
    sub.type = lua_type(L, 3);
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)length + 1), count = 0;
    bool is_text = sub.type == LUA_TSTRING || sub.type == LUA_TNUMBER;
    luaL_argexpected(L, is_text || sub.type == LUA_TTABLE || sub.type == LUA_TFUNCTION, 3, "string/function/table");
    if (is_text) sub.replacement = lua_tolstring(L, 3, &sub.replacement_length);
    bool is_anchored = pattern_length > 0 && pattern[0] == '^', has_changed = false;
    nj_matcher_begin(&sub.matcher, L, text, length, pattern + is_anchored, pattern_length - is_anchored);
    sub.rest = text;
    luaL_buffinit(L, &sub.result);
    const char *at = text, *last_end = NULL;
    while (count < most) {
        const char *start = is_anchored ? at : nj_matcher_candidate(&sub.matcher, at);
        if (start == NULL) break;
        const char *end = nj_matcher_match(&sub.matcher, start);
        if (end != NULL && end != last_end) {
            count += 1;
            has_changed = replace(&sub, start, end) || has_changed;
            at = last_end = end;
        } else if (start < sub.matcher.subject_end) {
            at = start + 1;
        } else {
            break;
        }
        if (is_anchored) break;
    }
    if (has_changed) {
        append(&sub, sub.rest, (size_t)(sub.matcher.subject_end - sub.rest));
        luaL_pushresult(&sub.result);
    } else {
        lua_pushvalue(L, 1);
    }
    lua_pushinteger(L, count);
    return 2;
}

void nj_substitute_open(lua_State *L) {
    lua_pushcfunction(L, gsub);
    lua_setfield(L, -2, "gsub");
}
