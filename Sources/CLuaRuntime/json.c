//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// ws.json: the table, null, and the mark of arrays. Reading is in json_read.c, writing in json_write.c.

#include "runtime.h"

static const nj_name names[] = {
    {"encode", NJ_KNOWN}, {"decode", NJ_KNOWN}, {"null", NJ_KNOWN}, {"array", NJ_KNOWN}, {NULL, NJ_KNOWN},
};

// MARK: null

bool nj_json_is_null(lua_State *L, const nj_vm *vm, int index) {
    return vm->json_null != NULL && lua_touserdata(L, index) == vm->json_null;
}

static int null_to_string(lua_State *L) {
    lua_pushliteral(L, "null");
    return 1;
}

// A userdata of its own rather than a light one, so that it prints as what it is, and errors name it.
static void make_null(lua_State *L, nj_vm *vm) {
    static const luaL_Reg events[] = {{"__tostring", null_to_string}, {NULL, NULL}};
    vm->json_null = lua_newuserdatauv(L, 0, 0);
    luaL_newlib(L, events);
    lua_pushliteral(L, "ws.json.null");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    vm->json_null_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

// MARK: array

bool nj_json_is_array(lua_State *L, const nj_vm *vm, int index) {
    if (!lua_getmetatable(L, index)) return false;
    bool is_marked = lua_topointer(L, -1) == vm->json_array_metatable;
    lua_pop(L, 1);
    return is_marked;
}

void nj_json_mark(lua_State *L, const nj_vm *vm) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->json_array_ref);
    lua_setmetatable(L, -2);
}

// The mark is a metatable without events: the table behaves as one that has none.
static void make_mark(lua_State *L, nj_vm *vm) {
    lua_createtable(L, 0, 1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    vm->json_array_metatable = lua_topointer(L, -1);
    vm->json_array_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

// ws.json.array([table])
static int array(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
    } else if (!lua_istable(L, 1)) {
        return nj_raise(L, NJ_RUNTIME, "ws.json.array: a table was expected, not a %s", nj_kind_of(L, 1));
    } else if (!nj_json_is_array(L, vm, 1) && lua_getmetatable(L, 1)) {
        return nj_raise(L, NJ_RUNTIME, "ws.json.array: the table has a metatable, which the mark would replace");
    }
    nj_json_mark(L, vm);
    return 1;
}

void nj_json_open(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"encode", nj_json_encode}, {"decode", nj_json_decode}, {"array", array}, {NULL, NULL},
    };
    nj_vm *vm = nj_vm_of(L);
    make_null(L, vm);
    make_mark(L, vm);
    luaL_newlib(L, functions);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->json_null_ref);
    lua_setfield(L, -2, "null");
    nj_names_seal(L, names, "ws.json", NULL);
}
