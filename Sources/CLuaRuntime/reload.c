//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// What goes from one version of a script to the next, as plain data: what `save` returned, and the states of connections,
// each when it is first used or when the host has the time.

#include "runtime.h"

// MARK: save and load

static int run_save(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->save_ref);
    lua_call(L, 0, 1);
    vm->results_ref = vm->save_ref;
    nj_bytes_empty(&vm->answer.bytes, NJ_OUTBOX_KEPT);
    if (lua_isnil(L, -1)) return 0;
    if (!lua_istable(L, -1)) return nj_raise(L, NJ_RUNTIME, "save must return a table, not a %s", nj_kind_of(L, -1));
    nj_plain_write(L, vm, -1, &vm->answer.bytes, "save()", NJ_PLAIN_OBJECTS);
    return 0;
}

static int push_save(lua_State *L, nj_vm *vm, const void *what) {
    (void)vm;
    lua_pushcfunction(L, run_save);
    lua_pushlightuserdata(L, (void *)(uintptr_t)what);
    return 1;
}

bool nj_vm_save(nj_vm *vm, const void **saved, size_t *length) {
    *saved = NULL;
    *length = 0;
    if (vm->save_ref == LUA_NOREF) return true;
    nj_event_frame frame = {.push = push_save, .what = vm};
    if (!nj_vm_run_phase(vm, NJ_PHASE_SAVE, &frame, vm->limits.event_ticks)) return false;
    *saved = vm->answer.bytes.start;
    *length = vm->answer.bytes.length;
    return true;
}

static int run_load(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const nj_start *start = lua_touserdata(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->load_ref);
    nj_plain_push(L, vm, start->saved, start->saved_length);
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, (lua_Integer)start->from);
    lua_setfield(L, -2, "from");
    lua_pushinteger(L, (lua_Integer)start->to);
    lua_setfield(L, -2, "to");
    lua_call(L, 2, 0);
    return 0;
}

static int push_start(lua_State *L, nj_vm *vm, const void *what) {
    (void)vm;
    lua_pushcfunction(L, run_load);
    lua_pushlightuserdata(L, (void *)(uintptr_t)what);
    return 1;
}

bool nj_vm_start(nj_vm *vm, const nj_start *start) {
    vm->last_task = start->number;
    if (vm->load_ref == LUA_NOREF) return true;
    nj_event_frame frame = {.push = push_start, .what = start};
    uint32_t ticks = start->from > 0 ? vm->limits.event_ticks : vm->limits.load_ticks;
    return nj_vm_run_phase(vm, NJ_PHASE_LOAD, &frame, ticks);
}

// MARK: States

// Runs a C function that calls nothing of the script with a light userdata, and describes its error.
static bool run_plainly(nj_vm *vm, lua_CFunction function, const void *what) {
    lua_State *L = vm->main;
    vm->results_ref = LUA_NOREF;
    vm->raising = NJ_RUNTIME;
    vm->failure.line = 0;
    vm->failure.file[0] = '\0';
    vm->failure.traceback_length = 0;
    lua_pushcfunction(L, function);
    lua_pushlightuserdata(L, (void *)(uintptr_t)what);
    int status = lua_pcall(L, 1, 0, 0);
    if (status != LUA_OK) nj_failure_describe(L, vm, status);
    return status == LUA_OK;
}

typedef struct writing {
    uint64_t id, token;
    nj_answer *answer;
} writing;

// Pushes the state that a connection has in this VM, or nil. Uses 3 slots.
static void push_kept(lua_State *L, nj_vm *vm, uint64_t id, uint64_t token) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->connections_ref);
    int type = LUA_TNIL;
    if (lua_rawgeti(L, -1, (lua_Integer)id) == LUA_TUSERDATA) type = lua_getiuservalue(L, -1, NJ_CONNECTION_STATE);
    if (type != LUA_TNIL || token == 0) return;
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->upgrades_ref);
    lua_rawgeti(L, -1, (lua_Integer)token);
}

static int write_state(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const writing *writing = lua_touserdata(L, 1);
    push_kept(L, vm, writing->id, writing->token);
    if (lua_istable(L, -1)) nj_plain_write(L, vm, -1, &writing->answer->bytes, "conn.state", NJ_PLAIN_OBJECTS);
    return 0;
}

bool nj_vm_write_state(nj_vm *vm, uint64_t id, uint64_t token, nj_answer *answer) {
    writing writing = {.id = id, .token = token, .answer = answer};
    if (vm->main == NULL || vm->is_running) return true;
    if (run_plainly(vm, write_state, &writing)) return true;
    nj_bytes_empty(&answer->bytes, NJ_OUTBOX_KEPT);
    return false;
}

void nj_connection_push_state(lua_State *L, nj_vm *vm, int index) {
    index = lua_absindex(L, index);
    if (lua_getiuservalue(L, index, NJ_CONNECTION_STATE) != LUA_TNIL) return;
    lua_pop(L, 1);
    nj_bytes *bytes = &vm->answer.bytes;
    nj_bytes_empty(bytes, NJ_OUTBOX_KEPT);
    const nj_connection *connection = lua_touserdata(L, index);
    nj_state found = vm->host.state(vm->host.context, connection->id, &vm->answer);
    if (bytes->failed) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    if (bytes->length > 0) nj_plain_push(L, vm, bytes->start, bytes->length);
    else lua_newtable(L);
    if (found == NJ_STATE_COPIED) return;
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, NJ_CONNECTION_STATE);
}

static int take_state(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const uint64_t *id = lua_touserdata(L, 1);
    nj_bytes *bytes = &vm->answer.bytes;
    nj_bytes_empty(bytes, NJ_OUTBOX_KEPT);
    vm->host.state(vm->host.context, *id, &vm->answer);
    if (bytes->failed) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    // Who has no state needs no object yet.
    if (bytes->length == 0) return 0;
    nj_connection_push(L, vm, *id);
    if (lua_getiuservalue(L, -1, NJ_CONNECTION_STATE) != LUA_TNIL) return 0;
    nj_plain_push(L, vm, bytes->start, bytes->length);
    lua_setiuservalue(L, -3, NJ_CONNECTION_STATE);
    return 0;
}

bool nj_vm_take_state(nj_vm *vm, uint64_t id) { return vm->main == NULL || run_plainly(vm, take_state, &id); }

// MARK: The check before

static int check_state(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const uint64_t *id = lua_touserdata(L, 1);
    if (vm->seen_ref == LUA_NOREF) {
        lua_newtable(L);
        vm->seen_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->seen_ref);
    push_kept(L, vm, *id, 0);
    char why[NJ_PLAIN_WHY_CAPACITY];
    if (!lua_istable(L, -1)) return 0;
    if (!nj_plain_check(L, vm, -1, "conn.state", NJ_PLAIN_OBJECTS, 2, SIZE_MAX, why)) nj_raise(L, NJ_CONTRACT, "%s", why);
    return 0;
}

bool nj_vm_check_state(nj_vm *vm, uint64_t id) { return vm->main == NULL || run_plainly(vm, check_state, &id); }

void nj_vm_end_check(nj_vm *vm) {
    if (vm->main != NULL) luaL_unref(vm->main, LUA_REGISTRYINDEX, vm->seen_ref);
    vm->seen_ref = LUA_NOREF;
}
