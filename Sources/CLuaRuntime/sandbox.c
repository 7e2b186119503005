//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// What a script sees: a new table of globals, filled by name from Lua's libraries and from ours. Nothing is there that
// is not listed here.

#include "library.h"

#include <lualib.h>
#include <string.h>

static const char *const base[] = {
    "_VERSION", "assert", "error", "getmetatable", "ipairs", "next", "pairs", "rawequal", "rawget", "rawlen",
    "rawset", "select", "tonumber", "tostring", "type", NULL,
};
static const char *const string[] = {
    "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack", "packsize", "rep", "reverse",
    "sub", "unpack", "upper", NULL,
};
static const char *const table[] = {"concat", "insert", "move", "pack", "remove", "sort", "unpack", NULL};
static const char *const math[] = {
    "abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp", "floor", "fmod", "huge", "log", "max", "maxinteger",
    "min", "mininteger", "modf", "pi", "rad", "random", "randomseed", "sin", "sqrt", "tan", "tointeger", "type", "ult",
    NULL,
};
static const char *const utf8[] = {"char", "charpattern", "codepoint", "codes", "len", "offset", NULL};
static const char *const os[] = {"clock", "date", "time", NULL};

// Copies the listed fields of the table at the top into the one below it.
static void copy_fields(lua_State *L, const char *const *names) {
    for (; *names != NULL; names++) {
        lua_getfield(L, -1, *names);
        lua_setfield(L, -3, *names);
    }
}

// Adds a library with the listed fields to the table at the top.
static void add_library(lua_State *L, const char *name, lua_CFunction open, const char *const *names) {
    lua_newtable(L);
    lua_pushcfunction(L, open);
    lua_call(L, 0, 1);
    copy_fields(L, names);
    lua_pop(L, 1);
    lua_setfield(L, -2, name);
}

// setmetatable(table, metatable): a finalizer would run where no deadline reaches it.
static int set_metatable(lua_State *L) {
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, lua_isnil(L, 2) || lua_istable(L, 2), 2, "nil or table");
    // The mark of a decoded array may go: only what a script protects itself is protected.
    if (!nj_json_is_array(L, nj_vm_of(L), 1) && luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL) {
        return luaL_error(L, "cannot change a protected metatable");
    }
    if (lua_istable(L, 2)) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL) return luaL_error(L, "setmetatable: __gc is not supported; use __close");
    }
    lua_settop(L, 2);
    if (lua_istable(L, 2)) nj_weak_translate(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

// collectgarbage("count")
static int collect_garbage(lua_State *L) {
    if (strcmp(luaL_optstring(L, 1, "collect"), "count") != 0) {
        return luaL_error(L, "collectgarbage: only \"count\" is supported; the server collects by itself");
    }
    lua_pushnumber(L, (lua_Number)nj_vm_of(L)->allocator.used / 1024);
    return 1;
}

// Puts ours in the place of what could run long, or make much, in C.
static void replace_functions(lua_State *L) {
    lua_getfield(L, -1, "string");
    nj_search_open(L);
    nj_substitute_open(L);
    nj_string_open(L);
    lua_pop(L, 1);
    lua_getfield(L, -1, "table");
    nj_table_open(L);
    nj_sort_open(L);
    lua_pop(L, 1);
    lua_getfield(L, -1, "utf8");
    nj_utf8_open(L);
    lua_pop(L, 1);
    nj_bounds_open(L);
}

// All strings share one metatable: the arithmetic stays, the rest is ours.
static void lock_strings(lua_State *L) {
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_getfield(L, -3, "string");
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
}

void nj_sandbox_open(lua_State *L) {
    static const luaL_Reg own[] = {
        {"collectgarbage", collect_garbage},
        {"print", nj_log_print},
        {"require", nj_require},
        {"setmetatable", set_metatable},
        {NULL, NULL},
    };
    lua_newtable(L);
    lua_pushcfunction(L, luaopen_base);
    lua_call(L, 0, 1);
    copy_fields(L, base);
    lua_pop(L, 1);
    luaL_setfuncs(L, own, 0);
    nj_protect_open(L);
    add_library(L, "string", luaopen_string, string);
    add_library(L, "table", luaopen_table, table);
    add_library(L, "math", luaopen_math, math);
    add_library(L, "utf8", luaopen_utf8, utf8);
    add_library(L, "os", luaopen_os, os);
    replace_functions(L);
    lock_strings(L);
    nj_coroutine_open(L);
    lua_setfield(L, -2, "coroutine");
    nj_ws_open(L);
    lua_setfield(L, -2, "ws");
    lua_pushvalue(L, -1);
    lua_setfield(L, -2, "_G");
    lua_rawseti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
}

static const char *global_name(lua_State *L) {
    return lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : luaL_typename(L, 2);
}

static int refuse_read(lua_State *L) {
    return luaL_error(L, "undefined global '%s'", global_name(L));
}

static int refuse_write(lua_State *L) {
    return luaL_error(L, "new global '%s': make it local, or define it at the top level", global_name(L));
}

void nj_sandbox_seal(lua_State *L) {
    static const luaL_Reg events[] = {{"__index", refuse_read}, {"__newindex", refuse_write}, {NULL, NULL}};
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_GLOBALS);
    luaL_newlib(L, events);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_pop(L, 1);
}
