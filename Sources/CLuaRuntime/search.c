//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// string.find, string.match and string.gmatch.

#include "library.h"
#include "pattern.h"

#include <string.h>

// Bytes that are compared in vain, more than were passed over, before the search begins to count on a bad case.
#define VAIN_BYTES 4096

// Bytes that are searched between two looks at the deadline.
#define STRETCH (64 * 1024)

// MARK: Plain text

// The sum of the bytes, each times a power of this.
#define BASE UINT64_C(0x9E3779B97F4A7C15)

// Compares only where the sum of the bytes is that of the word, so the time grows with the length of the text. A text that
// is made so that other sums agree is compared more often, and each time the deadline is looked at.
static const char *find_by_sum(lua_State *L, const char *text, size_t length, const char *word, size_t word_length) {
    nj_vm *vm = nj_vm_of(L);
    if (length < word_length) return NULL;
    uint64_t wanted = 0, sum = 0, highest = 1;
    for (size_t i = 0; i < word_length; i++) {
        if (i % STRETCH == 0) nj_watch_look(L, vm);
        wanted = wanted * BASE + (unsigned char)word[i];
        sum = sum * BASE + (unsigned char)text[i];
        if (i > 0) highest *= BASE;
    }
    for (size_t i = 0;; i++) {
        if (i % STRETCH == 0) nj_watch_look(L, vm);
        if (sum == wanted) {
            nj_watch_look(L, vm);
            if (memcmp(text + i, word, word_length) == 0) return text + i;
        }
        if (i + word_length >= length) return NULL;
        sum = (sum - highest * (unsigned char)text[i]) * BASE + (unsigned char)text[i + word_length];
    }
}

// Where the word is in the text, or NULL. Nearly all searches end before the comparisons add up to anything.
static const char *find_plain(lua_State *L, const char *text, size_t length, const char *word, size_t word_length) {
    if (word_length == 0) return text;
    if (word_length > length) return NULL;
    const char *at = text, *last = text + (length - word_length);
    size_t vain = 0;
    while (at <= last) {
        at = memchr(at, word[0], (size_t)(last - at) + 1);
        if (at == NULL) return NULL;
        if (memcmp(at + 1, word + 1, word_length - 1) == 0) return at;
        at++;
        vain += word_length + 4;
        if (vain > VAIN_BYTES + (size_t)(at - text)) {
            return find_by_sum(L, at, length - (size_t)(at - text), word, word_length);
        }
    }
    return NULL;
}

// MARK: find and match

// Where a search begins, counted from 0; beyond `length` when there is nothing to be searched.
static size_t start_of(lua_State *L, int index, size_t length) {
    lua_Integer start = luaL_optinteger(L, index, 1);
    if (start > 0) return (size_t)start - 1;
    if (start == 0 || start < -(lua_Integer)length) return 0;
    return length - (size_t)-start;
}

static int push_place(lua_State *L, const char *text, const char *start, const char *end) {
    lua_pushinteger(L, start - text + 1);
    lua_pushinteger(L, end - text);
    return 2;
}

static int search_pattern(lua_State *L, const char *text, size_t length, size_t start, const char *pattern,
                          size_t pattern_length, bool finds) {
    nj_matcher matcher;
    bool is_anchored = pattern_length > 0 && pattern[0] == '^';
    nj_matcher_begin(&matcher, L, text, length, pattern + is_anchored, pattern_length - is_anchored);
    const char *at = text + start;
    do {
        if (!is_anchored) at = nj_matcher_candidate(&matcher, at);
        if (at == NULL) break;
        const char *end = nj_matcher_match(&matcher, at);
        if (end == NULL) continue;
        if (!finds) return nj_matcher_push_captures(&matcher, at, end);
        return push_place(L, text, at, end) + nj_matcher_push_captures(&matcher, NULL, NULL);
    } while (at++ < matcher.subject_end && !is_anchored);
    luaL_pushfail(L);
    return 1;
}

// string.find(text, pattern [, start [, plain]])
static int find(lua_State *L) {
    size_t length, pattern_length;
    const char *text = luaL_checklstring(L, 1, &length), *pattern = luaL_checklstring(L, 2, &pattern_length);
    size_t start = start_of(L, 3, length);
    if (start > length) {
        luaL_pushfail(L);
        return 1;
    }
    if (!lua_toboolean(L, 4) && !nj_pattern_is_plain(pattern, pattern_length)) {
        return search_pattern(L, text, length, start, pattern, pattern_length, true);
    }
    const char *found = find_plain(L, text + start, length - start, pattern, pattern_length);
    if (found != NULL) return push_place(L, text, found, found + pattern_length);
    luaL_pushfail(L);
    return 1;
}

// string.match(text, pattern [, start])
static int match(lua_State *L) {
    size_t length, pattern_length;
    const char *text = luaL_checklstring(L, 1, &length), *pattern = luaL_checklstring(L, 2, &pattern_length);
    size_t start = start_of(L, 3, length);
    if (start <= length) return search_pattern(L, text, length, start, pattern, pattern_length, false);
    luaL_pushfail(L);
    return 1;
}

// MARK: gmatch

// Where an iteration goes on, and where its last match ended; the first is beyond the text when it is over.
typedef struct iteration {
    size_t next, last_end;
} iteration;

// Upvalues: the text, the pattern, the iteration.
static int iterate(lua_State *L) {
    size_t length, pattern_length;
    const char *text = lua_tolstring(L, lua_upvalueindex(1), &length);
    const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &pattern_length);
    iteration *iteration = lua_touserdata(L, lua_upvalueindex(3));
    nj_matcher matcher;
    nj_matcher_begin(&matcher, L, text, length, pattern, pattern_length);
    for (size_t next = iteration->next; next <= length; next++) {
        const char *at = nj_matcher_candidate(&matcher, text + next);
        if (at == NULL) break;
        next = (size_t)(at - text);
        const char *end = nj_matcher_match(&matcher, at);
        if (end == NULL || (size_t)(end - text) == iteration->last_end) continue;
        iteration->next = iteration->last_end = (size_t)(end - text);
        return nj_matcher_push_captures(&matcher, at, end);
    }
    return 0;
}

// string.gmatch(text, pattern [, start])
static int gmatch(lua_State *L) {
    size_t length;
    luaL_checklstring(L, 1, &length);
    luaL_checkstring(L, 2);
    size_t start = start_of(L, 3, length);
    lua_settop(L, 2);
    iteration *iteration = lua_newuserdatauv(L, sizeof *iteration, 0);
    iteration->next = start > length ? length + 1 : start;
    iteration->last_end = SIZE_MAX;
    lua_pushcclosure(L, iterate, 3);
    return 1;
}

void nj_search_open(lua_State *L) {
    static const luaL_Reg functions[] = {{"find", find}, {"gmatch", gmatch}, {"match", match}, {NULL, NULL}};
    luaL_setfuncs(L, functions, 0);
}
