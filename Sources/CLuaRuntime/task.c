//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Handlers that wait: ws.sleep, ws.wait and conn:receive yield the coroutine in which the event runs, and the host resumes
// it by number. All that may fail for want of memory happens before the host is told, inside the handler.

#include "runtime.h"

#include <stdio.h>

// MARK: Waiting

// Raises in the words of the function when the script is in a place that cannot wait.
static void check_place(lua_State *L, const nj_vm *vm, const char *function) {
    const char *place = NULL;
    if (vm->phase == NJ_PHASE_TOP) {
        place = "the top level";
    } else if (vm->phase == NJ_PHASE_LOAD) {
        place = "load";
    } else if (vm->phase == NJ_PHASE_SAVE) {
        place = "save";
    } else if (L != vm->task.thread) {
        place = "a coroutine of the script's own";
    } else if (!lua_isyieldable(L)) {
        place = "a function that Lua calls from C, such as a comparator or a callback of gsub";
    }
    if (place != NULL) nj_raise(L, NJ_RUNTIME, "%s cannot wait in %s", function, place);
}

// Keeps what runs under a new number, and pushes nothing. Uses 3 slots.
static void keep_task(lua_State *L, nj_vm *vm) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->tasks_ref);
    nj_task *task = lua_newuserdatauv(L, sizeof *task, 0);
    *task = vm->task;
    vm->last_task += 1;
    task->number = vm->last_task;
    lua_rawseti(L, -2, (lua_Integer)task->number);
    lua_pop(L, 1);
}

// Takes a task out of the table; false when there is none with that number. Does not raise. Uses 2 slots.
static bool take_task(lua_State *L, nj_vm *vm, uint64_t number, nj_task *task) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->tasks_ref);
    bool is_known = lua_rawgeti(L, -1, (lua_Integer)number) == LUA_TUSERDATA;
    if (is_known) {
        *task = *(nj_task *)lua_touserdata(L, -1);
        lua_pushnil(L);
        lua_rawseti(L, -3, (lua_Integer)number);
    }
    lua_pop(L, 2);
    return is_known;
}

int nj_task_wait(lua_State *L, const char *function, const nj_wait *wait, lua_KFunction resumed) {
    nj_vm *vm = nj_vm_of(L);
    nj_watch_check(L);
    check_place(L, vm, function);
    keep_task(L, vm);
    if (!vm->host.suspend(vm->host.context, vm->last_task, wait)) {
        nj_task task;
        take_task(L, vm, vm->last_task, &task);
        nj_raise(L, NJ_RUNTIME, "%s: too many handlers or spawned bodies of this script wait already (limits.handlers)", function);
    }
    return lua_yieldk(L, 0, 0, resumed);
}

const nj_resumption *nj_task_resumption(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const nj_resumption *resumption = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (resumption->wakening == NJ_EXPIRED || resumption->wakening == NJ_ENDING) {
        vm->watch.cause = resumption->wakening == NJ_EXPIRED ? NJ_CAUSE_WALL : NJ_CAUSE_ENDING;
        vm->watch.has_expired = 1;
        nj_watch_check(L);
    }
    return resumption;
}

// MARK: Resuming

static int push_resumption(lua_State *L, nj_vm *vm, const void *what) {
    (void)vm;
    lua_pushlightuserdata(L, (void *)(uintptr_t)what);
    return 1;
}

nj_outcome nj_vm_resume(nj_vm *vm, uint64_t number, const nj_resumption *resumption) {
    nj_task task;
    if (vm->main == NULL || !take_task(vm->main, vm, number, &task)) return NJ_UNHANDLED;
    nj_event_frame frame = {.push = push_resumption, .what = resumption};
    return nj_vm_run(vm, &task, &frame, vm->limits.event_ticks);
}

// MARK: ws.sleep

static int slept(lua_State *L, int status, lua_KContext context) {
    (void)status, (void)context;
    nj_task_resumption(L);
    return 0;
}

// ws.sleep(time)
static int sleep_for(lua_State *L) {
    nj_wait wait = {.kind = NJ_WAIT_SLEEP, .timeout = nj_duration_read(L, 1, "ws.sleep", "time")};
    return nj_task_wait(L, "ws.sleep", &wait, slept);
}

// MARK: conn:receive

static int received(lua_State *L, int status, lua_KContext context) {
    (void)status, (void)context;
    nj_vm *vm = nj_vm_of(L);
    const nj_resumption *resumption = nj_task_resumption(L);
    if (resumption->wakening != NJ_WOKEN) {
        lua_pushnil(L);
        lua_pushstring(L, resumption->wakening == NJ_TIMED_OUT ? "timeout" :
                          resumption->wakening == NJ_RELOADED ? "reloaded" : "closed");
        return 2;
    }
    lua_pushlstring(L, resumption->length > 0 ? resumption->bytes : "", resumption->length);
    lua_rawgeti(L, LUA_REGISTRYINDEX, resumption->is_text ? vm->text_ref : vm->binary_ref);
    return 2;
}

int nj_task_receive(lua_State *L, uint64_t id) {
    nj_vm *vm = nj_vm_of(L);
    const nj_task *task = &vm->task;
    bool is_own = task->has_connection && task->connection == id;
    if (vm->phase == NJ_PHASE_RUN && L == task->thread &&
        (!is_own || (task->kind != NJ_EVENT_CONNECT && task->kind != NJ_EVENT_MESSAGE))) {
        return nj_raise(L, NJ_RUNTIME,
                        "conn:receive works in the connect, message and on handlers of that same connection only");
    }
    nj_wait wait = {.kind = NJ_WAIT_RECEIVE, .timeout = -1};
    if (!lua_isnoneornil(L, 2)) wait.timeout = nj_duration_read(L, 2, "conn:receive", "timeout");
    return nj_task_wait(L, "conn:receive", &wait, received);
}

// MARK: ws.spawn

// ws.spawn(f, ...)
static int spawn(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    if (lua_type(L, 1) != LUA_TFUNCTION) {
        return nj_raise(L, NJ_RUNTIME, "ws.spawn: the body must be a function, not %s",
                        lua_isnone(L, 1) ? "missing" : luaL_typename(L, 1));
    }
    if (vm->phase == NJ_PHASE_TOP) return nj_raise(L, NJ_RUNTIME, "ws.spawn has no effect at the top level: use load");
    if (vm->phase == NJ_PHASE_SAVE) return nj_raise_phase(L, vm, "ws.spawn");
    int count = lua_gettop(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->spawned_ref);
    lua_createtable(L, count, 1);
    for (int i = 1; i <= count; i++) {
        lua_pushvalue(L, i);
        lua_rawseti(L, -2, i);
    }
    lua_pushinteger(L, count);
    lua_rawseti(L, -2, 0);
    vm->last_task += 1;
    uint64_t number = vm->last_task;
    lua_rawseti(L, -2, (lua_Integer)number);
    if (vm->host.spawn(vm->host.context, number)) return 0;
    lua_pushnil(L);
    lua_rawseti(L, -2, (lua_Integer)number);
    return nj_raise(L, NJ_RUNTIME, "ws.spawn: too many handlers or spawned bodies of this script wait already (limits.handlers)");
}

int nj_task_push_spawned(lua_State *L, nj_vm *vm, uint64_t number) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->spawned_ref);
    lua_rawgeti(L, -1, (lua_Integer)number);
    lua_pushnil(L);
    lua_rawseti(L, -3, (lua_Integer)number);
    lua_remove(L, -2);
    int body = lua_gettop(L);
    lua_rawgeti(L, body, 0);
    int count = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
    luaL_checkstack(L, count, "too many arguments to ws.spawn");
    for (int i = 1; i <= count; i++) lua_rawgeti(L, body, i);
    lua_remove(L, body);
    return count - 1;
}

void nj_task_open(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"sleep", sleep_for}, {"spawn", spawn}, {NULL, NULL},
    };
    nj_vm *vm = nj_vm_of(L);
    luaL_setfuncs(L, functions, 0);
    lua_newtable(L);
    vm->tasks_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    vm->spawned_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
