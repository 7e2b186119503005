//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Lua's own library, where ours stands in its place: functions that could run long in C, where no hook comes, look at
// the deadline as they go and bound what they make. The rest are Lua's, some behind a look at their arguments.

#ifndef NJ_LIBRARY_H
#define NJ_LIBRARY_H

#include "runtime.h"

// Bytes of a string that one of Lua's functions makes.
#define NJ_LONGEST_STRING ((size_t)8 << 20)

// Values that a function takes or gives back, where each costs something.
#define NJ_MOST_VALUES 100000

// Elements of a table between two looks at the deadline; a power of two.
#define NJ_STRIDE 256

// Raises that the result of `function` is longer than NJ_LONGEST_STRING, and what to do.
int nj_raise_too_long(lua_State *L, const char *function, const char *remedy);
// Raises when there are more values than NJ_MOST_VALUES.
void nj_check_values(lua_State *L, const char *function, lua_Unsigned count);

// What a table, or something that behaves as one, must allow.
enum { NJ_READ = 1, NJ_WRITE = 2, NJ_LENGTH = 4 };
// Raises unless the value at `index` does. Uses 2 slots.
void nj_check_table(lua_State *L, int index, int needs);

// Each adds its functions to the library at the top, in place of Lua's. Uses 4 slots.
void nj_search_open(lua_State *L);     // search.c: find, gmatch, match
void nj_substitute_open(lua_State *L); // substitute.c: gsub
void nj_string_open(lua_State *L);       // string.c: byte, lower, rep, reverse, upper
void nj_table_open(lua_State *L);      // table.c: concat, insert, move, remove, unpack
void nj_sort_open(lua_State *L);       // sort.c: sort
void nj_utf8_open(lua_State *L);       // utf8.c: codepoint, len, offset

// bounds.c: puts a look at the arguments in front of Lua's functions in the table of globals at the top, and in the
// metatable of strings. Uses 6 slots.
void nj_bounds_open(lua_State *L);

#endif
