//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Weak tables. What weak keys keep alive is found pass by pass, in the one step of a collection that cannot be divided
// (ephemerons, Lua 5.4 manual, section 2.5.4): 40,000 of them in a chain take seconds, which no deadline ends. So scripts
// get no weak keys without weak values. To refuse them in setmetatable is not enough, because `__mode` may be put into a
// metatable that is in use: the collector is made to look for another name, which no script can know or see.

#define _GNU_SOURCE

#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_LENGTH 32

// In the order in which Lua's state has them (TMS in its ltm.h).
static const char *const first_events[] = {"__index", "__newindex", "__gc", "__mode", "__len", "__eq"};
#define EVENT_COUNT (sizeof first_events / sizeof *first_events)
#define MODE 3

// What a metatable may hold that Lua looks at, and its libraries.
static const char *const metafields[] = {
    "__index", "__newindex", "__call", "__tostring", "__name", "__len", "__eq", "__lt", "__le", "__concat", "__unm",
    "__bnot", "__add", "__sub", "__mul", "__div", "__mod", "__pow", "__idiv", "__band", "__bor", "__bxor", "__shl",
    "__shr", "__pairs", "__close", "__metatable", NULL,
};

// Lua's state keeps pointers to the names, each before the text by the length of a string's header. The state is the first
// block that Lua has asked for.
void nj_weak_open(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    char name[NAME_LENGTH];
    if (!nj_random_read(name, sizeof name)) luaL_error(L, "no random bytes");
    uintptr_t texts[EVENT_COUNT];
    for (size_t event = 0; event < EVENT_COUNT; event++) {
        texts[event] = (uintptr_t)lua_pushstring(L, first_events[event]);
        lua_pop(L, 1);
    }
    uintptr_t ours = (uintptr_t)lua_pushlstring(L, name, sizeof name);
    vm->mode_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    uintptr_t *words = vm->allocator.state;
    size_t count = vm->allocator.state_size / sizeof *words;
    for (size_t start = 0; start + EVENT_COUNT <= count; start++) {
        uintptr_t header = texts[0] - words[start];
        if (header == 0 || header > 64) continue;
        size_t event = 1;
        while (event < EVENT_COUNT && texts[event] - words[start + event] == header) event++;
        if (event < EVENT_COUNT) continue;
        words[start + MODE] = ours - header;
        return;
    }
    fputs("nightjar: aborted, this Lua keeps its state otherwise than Lua 5.4 does; build against Debian's liblua5.4-dev\n", stderr);
    abort();
}

void nj_weak_push_mode(lua_State *L) { lua_rawgeti(L, LUA_REGISTRYINDEX, nj_vm_of(L)->mode_ref); }

void nj_weak_translate(lua_State *L, int metatable) {
    lua_pushliteral(L, "__mode");
    if (lua_rawget(L, metatable) != LUA_TSTRING) {
        lua_pop(L, 1);
        return;
    }
    const char *mode = lua_tostring(L, -1);
    bool has_keys = strchr(mode, 'k') != NULL, has_values = strchr(mode, 'v') != NULL;
    lua_pop(L, 1);
    if (!has_keys && !has_values) return;
    if (!has_values) {
        luaL_error(L, "setmetatable: weak keys need weak values: __mode must be \"v\" or \"kv\"; what belongs to a "
                      "connection has its place in conn.state");
    }
    lua_newtable(L);
    for (const char *const *field = metafields; *field != NULL; field++) {
        lua_pushstring(L, *field);
        lua_pushvalue(L, -1);
        lua_rawget(L, metatable);
        lua_rawset(L, -3);
    }
    nj_weak_push_mode(L);
    lua_pushstring(L, has_keys ? "kv" : "v");
    lua_rawset(L, -3);
    // getmetatable gives back the script's own, so that it never sees the copy.
    lua_pushliteral(L, "__metatable");
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pushliteral(L, "__metatable");
        lua_pushvalue(L, metatable);
        lua_rawset(L, -4);
    }
    lua_pop(L, 1);
    lua_replace(L, metatable);
}
