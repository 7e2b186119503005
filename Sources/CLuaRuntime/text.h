//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Numbers and names as text, and what errors call values and the way to them.

#ifndef NJ_TEXT_H
#define NJ_TEXT_H

#include "CLuaRuntime.h"

#include <lua.h>

// MARK: number.c

// Room for any number's text.
#define NJ_NUMBER_CAPACITY 32

typedef struct nj_number {
    bool is_integer;
    lua_Integer integer;
    double real;
    // NULL when it is a number.
    const char *why;
} nj_number;

// Write a number, the float a finite one, and answer the length. None of them raises.
size_t nj_number_write_integer(lua_Integer value, char *text);
size_t nj_number_write_float(double value, char *text);
// Reads the number that begins at `start`, before `end`, and answers where it ends, or the byte that is wrong.
const char *nj_number_read(const char *start, const char *end, nj_number *number);

// MARK: names.c

typedef enum nj_standing { NJ_KNOWN, NJ_LATER, NJ_RESERVED } nj_standing;

typedef struct nj_name {
    const char *name;
    nj_standing standing;
} nj_name;

// What a script names has a length: a zero byte inside would hide the rest from C. None of them raises.
bool nj_names_equal(const char *name, size_t length, const char *word);
// Writes at most 64 bytes of the name, zero and the other control characters as escapes, and answers `quoted`.
#define NJ_QUOTED_CAPACITY 72
const char *nj_names_quote(const char *name, size_t length, char quoted[NJ_QUOTED_CAPACITY]);
// Writes why `key` cannot be used: reserved, not in this version, or unknown and near to another.
void nj_names_explain(const nj_name *names, const char *key, size_t length, const char *what, const char *otherwise,
                      char *text, size_t capacity);

// Puts in the place of the table at the top one that has its fields, refuses others and cannot be written. `table` is what
// errors call it; `read` is called for a field that is not there, NULL stands for an error that names the nearest.
void nj_names_seal(lua_State *L, const nj_name *names, const char *table, lua_CFunction read);

// MARK: options.c

// Raises unless there is a table at `index`.
void nj_options_check(lua_State *L, int index, const char *function);
// As lua_next on a table of options: pushes the next key and value and answers the name, or pops and answers NULL.
// Raises for a key that is none of the names. Uses 5 slots.
const char *nj_options_next(lua_State *L, int index, const char *function, const nj_name *names);

// MARK: path.c

// A key on the way to a value, or the root when there is no parent.
typedef struct nj_path {
    const struct nj_path *parent;
    const char *root;
    // The key's place on the stack, or 0 for `position`.
    int key;
    lua_Integer position;
} nj_path;

#define NJ_PATH_CAPACITY 200

// Writes the path, cut where it is too long, and answers `text`. Uses 3 slots.
const char *nj_path_write(lua_State *L, const nj_path *path, char text[NJ_PATH_CAPACITY]);
// What errors call a value: its type, or what kind of userdata it is. Uses 3 slots.
const char *nj_kind_of(lua_State *L, int index);

#endif
