//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The coroutine library. Ours rather than Lua's, because the clock must know which coroutine runs, because a deadline
// must come through resume, wrap and close, and because closing chains of coroutines overflows the C stack in 5.4.4. A
// body runs under a protected call of its own: its <close> variables are closed at the error, not at coroutine.close.

#include "runtime.h"

#define DEEPEST_CLOSE 16

// Of the script's own. The end of a collection's marking, which is one step, takes two microseconds or more for each.
#define MOST_COROUTINES 2000

static int finish_body(lua_State *L, int status, lua_KContext context) {
    (void)context;
    if (status != LUA_OK && status != LUA_YIELD) return lua_error(L);
    return lua_gettop(L);
}

// The first resume: the script's function and its arguments. Without the call in between, an error from the hook would
// leave the coroutine with hooks off, and a __close of it could not be ended.
static int run_body(lua_State *L) {
    int status = lua_pcallk(L, lua_gettop(L) - 1, LUA_MULTRET, 0, 0, finish_body);
    return finish_body(L, status, 0);
}

static lua_State *check_thread(lua_State *L) {
    lua_State *thread = lua_tothread(L, 1);
    luaL_argexpected(L, thread != NULL, 1, "coroutine");
    return thread;
}

static void make_room(lua_State *L, const char *function) {
    nj_vm *vm = nj_vm_of(L);
    size_t most = vm->event_threads + MOST_COROUTINES;
    if (vm->allocator.threads < most) return;
    nj_watch_collect(L, &vm->allocator.threads, most - MOST_COROUTINES / 8);
    if (vm->allocator.threads < most) return;
    luaL_error(L, "%s: this script has %d coroutines already; end those that are not needed", function, MOST_COROUTINES);
}

static void push_new(lua_State *L, const char *function) {
    luaL_checktype(L, 1, LUA_TFUNCTION);
    make_room(L, function);
    lua_State *thread = lua_newthread(L);
    lua_pushcfunction(thread, run_body);
    lua_pushvalue(L, 1);
    lua_xmove(L, thread, 1);
}

// coroutine.create(f)
static int create(lua_State *L) {
    push_new(L, "coroutine.create");
    return 1;
}

int nj_coroutine_resume(lua_State *L, lua_State *thread, int arguments, int *results) {
    nj_vm *vm = nj_vm_of(L);
    if (!lua_checkstack(thread, arguments + 1)) return luaL_error(L, "too many arguments to resume");
    lua_xmove(L, thread, arguments);
    // A new coroutine has its body below the script's function.
    int given = lua_status(thread) == LUA_OK ? arguments + 1 : arguments;
    vm->watch.thread = thread;
    int status = lua_resume(thread, L, given, results);
    vm->watch.thread = L;
    nj_watch_check(L);
    return status;
}

static const char *status_of(lua_State *L, lua_State *thread) {
    if (thread == L) return "running";
    lua_Debug activation;
    switch (lua_status(thread)) {
    case LUA_YIELD:
        return "suspended";
    case LUA_OK:
        if (lua_getstack(thread, 0, &activation)) return "normal";
        return lua_gettop(thread) == 0 ? "dead" : "suspended";
    default:
        return "dead";
    }
}

// Leaves the results or the error at the top, and answers the number of results or -1.
static int resume_into(lua_State *L, lua_State *thread, int arguments) {
    const char *state = status_of(L, thread);
    if (state[0] != 's') {
        lua_pushfstring(L, "cannot resume a %s coroutine", state);
        return -1;
    }
    int results = 0;
    int status = nj_coroutine_resume(L, thread, arguments, &results);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(thread, L, 1);
        return -1;
    }
    if (!lua_checkstack(L, results + 1)) {
        lua_pop(thread, results);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(thread, L, results);
    return results;
}

// coroutine.resume(thread, ...)
static int resume(lua_State *L) {
    lua_State *thread = check_thread(L);
    int results = resume_into(L, thread, lua_gettop(L) - 1);
    lua_pushboolean(L, results >= 0);
    if (results < 0) results = 1;
    lua_insert(L, -(results + 1));
    return results + 1;
}

static int resume_wrapped(lua_State *L) {
    lua_State *thread = lua_tothread(L, lua_upvalueindex(1));
    int results = resume_into(L, thread, lua_gettop(L));
    if (results >= 0) return results;
    if (lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

// coroutine.wrap(f)
static int wrap(lua_State *L) {
    push_new(L, "coroutine.wrap");
    lua_pushcclosure(L, resume_wrapped, 1);
    return 1;
}

// coroutine.yield(...)
static int yield(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    if (L != vm->task.thread) return lua_yield(L, lua_gettop(L));
    const char *where = vm->phase == NJ_PHASE_RUN ? "a handler" : vm->phase == NJ_PHASE_LOAD ? "load" :
                        vm->phase == NJ_PHASE_SAVE ? "save" : "the top level";
    return luaL_error(L, "coroutine.yield: %s is not a coroutine of the script's own", where);
}

// coroutine.status(thread)
static int status(lua_State *L) {
    lua_pushstring(L, status_of(L, check_thread(L)));
    return 1;
}

// coroutine.isyieldable([thread])
static int is_yieldable(lua_State *L) {
    lua_State *thread = lua_isnoneornil(L, 1) ? L : check_thread(L);
    lua_pushboolean(L, thread != nj_vm_of(L)->task.thread && lua_isyieldable(thread));
    return 1;
}

// coroutine.running(): for the script, the coroutine of the event is the main one.
static int running(lua_State *L) {
    lua_pushthread(L);
    lua_pushboolean(L, L == nj_vm_of(L)->task.thread);
    return 2;
}

// coroutine.close(thread)
static int close_thread(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    lua_State *thread = check_thread(L);
    const char *state = status_of(L, thread);
    if (state[0] != 's' && state[0] != 'd') return luaL_error(L, "cannot close a %s coroutine", state);
    if (vm->close_depth >= DEEPEST_CLOSE) {
        return luaL_error(L, "coroutine.close: nested deeper than %d", DEEPEST_CLOSE);
    }
    vm->close_depth += 1;
    vm->watch.thread = thread;
    int reset = lua_resetthread(thread);
    vm->watch.thread = L;
    vm->close_depth -= 1;
    nj_watch_check(L);
    lua_pushboolean(L, reset == LUA_OK);
    if (reset == LUA_OK) return 1;
    lua_xmove(thread, L, 1);
    return 2;
}

void nj_coroutine_open(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"close", close_thread}, {"create", create}, {"isyieldable", is_yieldable}, {"resume", resume},
        {"running", running},    {"status", status}, {"wrap", wrap},                {"yield", yield},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
}
