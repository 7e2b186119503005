//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Tables of options: what is misspelt in one would otherwise be ignored.

#include "runtime.h"

void nj_options_check(lua_State *L, int index, const char *function) {
    if (!lua_istable(L, index)) {
        nj_raise(L, NJ_RUNTIME, "%s: options must be a table, not a %s", function, nj_kind_of(L, index));
    }
}

const char *nj_options_next(lua_State *L, int index, const char *function, const nj_name *names) {
    if (!lua_next(L, index)) return NULL;
    if (lua_type(L, -2) != LUA_TSTRING) {
        nj_raise(L, NJ_RUNTIME, "%s: the keys of the options must be strings, not %s", function, luaL_typename(L, -2));
    }
    size_t length;
    const char *key = lua_tolstring(L, -2, &length);
    for (const nj_name *known = names; known->name != NULL; known++) {
        if (known->standing == NJ_KNOWN && nj_names_equal(key, length, known->name)) return known->name;
    }
    char text[256];
    nj_names_explain(names, key, length, "option", "", text, sizeof text);
    nj_raise(L, NJ_RUNTIME, "%s: %s", function, text);
    return NULL;
}
