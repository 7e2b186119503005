//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The state of the connection whose handler has run, looked at under --dev: what cannot be kept over a reload is told
// when it comes about, not when somebody saves a file.

#include "runtime.h"

#include <stdio.h>
#include <string.h>

// A larger state is looked at up to here.
#define PATIENCE 10000

// A number for the handler and the kind of mistake: of list positions and odd keys, one is as good as another.
static uint64_t kind_of(const char *handler, const char *why) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *next = handler; *next != '\0'; next++) hash = (hash ^ (uint8_t)*next) * UINT64_C(0x100000001b3);
    for (const char *next = why; *next != '\0'; next++) {
        if (*next == '[' && strchr(next, ']') != NULL) next = strchr(next, ']');
        hash = (hash ^ (uint8_t)*next) * UINT64_C(0x100000001b3);
    }
    return hash;
}

// Whether this is to be told: once, and not without end.
static bool is_news(nj_vm *vm, uint64_t kind) {
    for (int i = 0; i < vm->warning_count; i++) {
        if (vm->warnings[i] == kind) return false;
    }
    if (vm->warning_count == NJ_MOST_WARNINGS) return false;
    vm->warnings[vm->warning_count] = kind;
    vm->warning_count += 1;
    return true;
}

static void warn(nj_vm *vm, const char *why) {
    char text[NJ_PLAIN_WHY_CAPACITY + 128];
    const char *handler = nj_handler_name(vm->task.kind);
    if (!is_news(vm, kind_of(handler, why))) return;
    bool is_last = vm->warning_count == NJ_MOST_WARNINGS;
    snprintf(text, sizeof text, "after %s: %s; as it is, a reload would fail%s", handler, why,
             is_last ? " (no more such warnings follow)" : "");
    vm->host.log(vm->host.context, NJ_WARNING, text, strlen(text), &vm->task.connection, vm->script);
}

// MARK: Tables of two connections

typedef struct claimant {
    lua_State *L;
    nj_vm *vm;
    uint64_t id;
    // Where on the stack the table of owners is.
    int owners;
    size_t patience;
    char *why;
} claimant;

// Whether the table at the top is the one that is looked for, or holds it. Leaves it there.
static bool holds(claimant *claimant, const void *table, int depth) {
    lua_State *L = claimant->L;
    nj_watch_look(L, claimant->vm);
    if (lua_topointer(L, -1) == table) return true;
    if (depth == NJ_DEEPEST_TABLE || claimant->patience == 0) return false;
    claimant->patience -= 1;
    luaL_checkstack(L, 8, NULL);
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_istable(L, -1) && holds(claimant, table, depth + 1)) return true;
        lua_pop(L, 1);
    }
    return false;
}

// Whether the state of that connection holds the table still.
static bool is_held_by(claimant *claimant, uint64_t id, const void *table) {
    lua_State *L = claimant->L;
    int top = lua_gettop(L);
    luaL_checkstack(L, 8, NULL);
    lua_rawgeti(L, LUA_REGISTRYINDEX, claimant->vm->connections_ref);
    bool is_held = lua_rawgeti(L, -1, (lua_Integer)id) == LUA_TUSERDATA
                   && lua_getiuservalue(L, -1, NJ_CONNECTION_STATE) == LUA_TTABLE && holds(claimant, table, 0);
    lua_settop(L, top);
    return is_held;
}

// Makes the connection the owner of the table at the top, and of what is in it. Leaves it there.
static bool claim(claimant *claimant, const nj_path *path, int depth) {
    lua_State *L = claimant->L;
    nj_watch_look(L, claimant->vm);
    if (claimant->patience == 0) return true;
    claimant->patience -= 1;
    luaL_checkstack(L, 8, NULL);
    int table = lua_gettop(L);
    lua_pushvalue(L, table);
    bool has_owner = lua_rawget(L, claimant->owners) == LUA_TNUMBER;
    uint64_t owner = has_owner ? (uint64_t)lua_tointeger(L, -1) : claimant->id;
    lua_pop(L, 1);
    if (owner != claimant->id && is_held_by(claimant, owner, lua_topointer(L, table))) {
        char place[NJ_PATH_CAPACITY];
        nj_path_write(L, path, place);
        snprintf(claimant->why, NJ_PLAIN_WHY_CAPACITY, "%s: a table that another connection's state holds too cannot be "
                 "kept; put what is shared into a variable of the script", place);
        return false;
    }
    if (!has_owner || owner != claimant->id) {
        lua_pushvalue(L, table);
        lua_pushinteger(L, (lua_Integer)claimant->id);
        lua_rawset(L, claimant->owners);
    }
    nj_path entry = {.parent = path, .key = table + 1};
    lua_pushnil(L);
    while (lua_next(L, table)) {
        if (lua_istable(L, -1) && depth < NJ_DEEPEST_TABLE && !claim(claimant, &entry, depth + 1)) return false;
        lua_pop(L, 1);
    }
    return true;
}

static void push_owners(lua_State *L, nj_vm *vm) {
    if (vm->owners_ref == LUA_NOREF) {
        lua_newtable(L);
        lua_createtable(L, 0, 1);
        // Its values are numbers, which keep nothing alive: it takes no passes.
        nj_weak_push_mode(L);
        lua_pushliteral(L, "k");
        lua_rawset(L, -3);
        lua_setmetatable(L, -2);
        vm->owners_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->owners_ref);
}

// Whether no other connection's state holds anything of the state at the top, which is plain data.
static bool is_own(lua_State *L, nj_vm *vm, char why[NJ_PLAIN_WHY_CAPACITY]) {
    nj_path root = {.root = "conn.state"};
    push_owners(L, vm);
    lua_insert(L, -2);
    claimant claimant = {
        .L = L, .vm = vm, .id = vm->task.connection, .owners = lua_gettop(L) - 1, .patience = PATIENCE, .why = why,
    };
    return claim(&claimant, &root, 0);
}

void nj_state_check(lua_State *L, nj_vm *vm) {
    if (!vm->task.has_connection || vm->task.kind == NJ_EVENT_CLOSE) return;
    int top = lua_gettop(L);
    luaL_checkstack(L, 8, NULL);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->connections_ref);
    bool has_object = lua_rawgeti(L, -1, (lua_Integer)vm->task.connection) == LUA_TUSERDATA;
    if (has_object && lua_getiuservalue(L, -1, NJ_CONNECTION_STATE) == LUA_TTABLE) {
        char why[NJ_PLAIN_WHY_CAPACITY];
        if (!nj_plain_check(L, vm, -1, "conn.state", NJ_PLAIN_OBJECTS, 0, PATIENCE, why) || !is_own(L, vm, why)) {
            warn(vm, why);
        }
    }
    lua_settop(L, top);
}
