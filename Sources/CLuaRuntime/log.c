//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// print and ws.log: lines with their place in the script and the connection whose event runs.

#include "runtime.h"

#include <stdio.h>

// Logs the text at the top. Does not raise.
static void write_line(lua_State *L, nj_log_level level) {
    nj_vm *vm = nj_vm_of(L);
    char place[LUA_IDSIZE + 16] = "";
    lua_Debug activation;
    for (int depth = 1; lua_getstack(L, depth, &activation); depth++) {
        lua_getinfo(L, "Sl", &activation);
        if (activation.currentline < 0) continue;
        snprintf(place, sizeof place, "%s:%d", activation.short_src, activation.currentline);
        break;
    }
    size_t length;
    const char *text = lua_tolstring(L, -1, &length);
    vm->host.log(vm->host.context, level, text, length, vm->task.has_connection ? &vm->task.connection : NULL, place);
}

// print(...)
int nj_log_print(lua_State *L) {
    int count = lua_gettop(L);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    for (int i = 1; i <= count; i++) {
        if (i % 64 == 0) nj_watch_look(L, nj_vm_of(L));
        if (i > 1) luaL_addchar(&line, '\t');
        luaL_tolstring(L, i, NULL);
        luaL_addvalue(&line);
    }
    luaL_pushresult(&line);
    write_line(L, NJ_INFO);
    return 0;
}

static const nj_name names[] = {
    {"debug", NJ_KNOWN}, {"info", NJ_KNOWN}, {"warn", NJ_KNOWN}, {"error", NJ_KNOWN}, {NULL, NJ_KNOWN},
};

static int write_formatted(lua_State *L);

// The message handler of string.format, whose caller is no line of the script: what it raises itself gets the place of
// the log's caller, and the log's name. What a script's __tostring raises stays as it is.
static int name_caller(lua_State *L) {
    nj_failure_kind raising = nj_vm_of(L)->raising;
    if (raising == NJ_DEADLINE || raising == NJ_MEMORY) return 1;
    lua_Debug caller;
    if (lua_type(L, 1) != LUA_TSTRING || !lua_getstack(L, 2, &caller)) return 1;
    lua_getinfo(L, "f", &caller);
    if (lua_tocfunction(L, 2) != write_formatted) {
        lua_settop(L, 1);
        return 1;
    }
    lua_getupvalue(L, 2, 1);
    const char *name = names[lua_tointeger(L, 3)].name;
    const char *text = luaL_gsub(L, luaL_gsub(L, lua_tostring(L, 1), " to '?'", ""), " to 'format'", "");
    luaL_where(L, 3);
    lua_pushfstring(L, "%sws.log.%s: %s", lua_tostring(L, -1), name, text);
    return 1;
}

// ws.log.debug(format, ...) and the others. Upvalues: the level, string.format.
static int write_formatted(lua_State *L) {
    int count = lua_gettop(L);
    const char *level = names[lua_tointeger(L, lua_upvalueindex(1))].name;
    if (count == 0) return nj_raise(L, NJ_RUNTIME, "ws.log.%s: what to log is missing", level);
    if (count == 1) {
        luaL_tolstring(L, 1, NULL);
    } else {
        if (lua_type(L, 1) != LUA_TSTRING) {
            return nj_raise(L, NJ_RUNTIME, "ws.log.%s: the first of several values must be a format such as \"%%s\", not %s",
                            level, nj_kind_of(L, 1));
        }
        lua_pushvalue(L, lua_upvalueindex(2));
        lua_insert(L, 1);
        lua_pushcfunction(L, name_caller);
        lua_insert(L, 1);
        if (lua_pcall(L, count, 1, 1) != LUA_OK) return lua_error(L);
    }
    write_line(L, (nj_log_level)lua_tointeger(L, lua_upvalueindex(1)));
    return 0;
}

void nj_log_open(lua_State *L) {
    lua_createtable(L, 0, 4);
    lua_pushliteral(L, "");
    luaL_getmetafield(L, -1, "__index");
    lua_getfield(L, -1, "format");
    for (int level = NJ_DEBUG; level <= NJ_ERROR; level++) {
        lua_pushinteger(L, level);
        lua_pushvalue(L, -2);
        lua_pushcclosure(L, write_formatted, 2);
        lua_setfield(L, -5, names[level].name);
    }
    lua_pop(L, 3);
    nj_names_seal(L, names, "ws.log", NULL);
}
