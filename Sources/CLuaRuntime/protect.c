//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// pcall and xpcall that cannot outlive a deadline. Both let coroutines yield through them, as Lua's own do.

#include "runtime.h"

// Stack: true or the handler's wrapper in the first slots, then the results, or the error at the top.
static int finish(lua_State *L, int status, lua_KContext below) {
    nj_watch_check(L);
    if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - (int)below;
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

// pcall(f, ...)
static int protected_call(lua_State *L) {
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1);
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, finish);
    return finish(L, status, 0);
}

// Calls the script's handler, but not from within the hook, where nothing could end it.
static int handle(lua_State *L) {
    nj_failure_kind raising = nj_vm_of(L)->raising;
    if (raising == NJ_DEADLINE || raising == NJ_MEMORY) return 1;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, 1, 1);
    return 1;
}

// xpcall(f, handler, ...)
static int protected_call_with_handler(lua_State *L) {
    luaL_checktype(L, 2, LUA_TFUNCTION);
    int arguments = lua_gettop(L) - 2;
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle, 1);
    lua_replace(L, 2);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2);
    int status = lua_pcallk(L, arguments, LUA_MULTRET, 2, 2, finish);
    return finish(L, status, 2);
}

void nj_protect_open(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"pcall", protected_call},
        {"xpcall", protected_call_with_handler},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
