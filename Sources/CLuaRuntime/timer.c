//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// ws.after and ws.every: what is to run stays here under a number, when it runs is the host's.

#include "runtime.h"

#include <math.h>
#include <string.h>

// MARK: Times

// About three centuries: beyond it nanoseconds do not fit.
#define LONGEST_SECONDS 9e9

static const struct {
    const char *name;
    double seconds;
} units[] = {{"ms", 0.001}, {"s", 1}, {"m", 60}, {"h", 3600}};

// The seconds of a text such as "50ms"; NaN when it is no time.
static double seconds_of(const char *text, size_t length) {
    size_t digits = 0;
    double number = 0, scale = 1;
    bool has_point = false;
    for (; digits < length; digits++) {
        char c = text[digits];
        if (c == '.' && !has_point && digits > 0) {
            has_point = true;
        } else if (c >= '0' && c <= '9') {
            number = number * 10 + (c - '0');
            if (has_point) scale *= 10;
        } else {
            break;
        }
    }
    if (digits == 0) return (double)NAN;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (nj_names_equal(text + digits, length - digits, units[i].name)) return number / scale * units[i].seconds;
    }
    return (double)NAN;
}

int64_t nj_duration_read(lua_State *L, int index, const char *function, const char *what) {
    double seconds = (double)NAN;
    size_t length;
    const char *text = NULL;
    if (lua_type(L, index) == LUA_TNUMBER) {
        seconds = lua_tonumber(L, index);
    } else if (lua_type(L, index) == LUA_TSTRING) {
        text = lua_tolstring(L, index, &length);
        seconds = seconds_of(text, length);
    } else {
        nj_raise(L, NJ_RUNTIME, "%s: %s must be seconds or a text such as \"50ms\", not %s", function, what,
                 lua_isnone(L, index) ? "missing" : luaL_typename(L, index));
    }
    // The comparison is false for NaN too.
    if (!(seconds >= 0 && seconds <= LONGEST_SECONDS)) {
        if (text != NULL) {
            char quoted[NJ_QUOTED_CAPACITY];
            nj_raise(L, NJ_RUNTIME, "%s: %s must be such as \"50ms\", \"5s\", \"2m\" or \"1h\", not \"%s\"", function,
                     what, nj_names_quote(text, length, quoted));
        }
        nj_raise(L, NJ_RUNTIME, "%s: %s must be 0 to %.0f seconds, not %g", function, what, LONGEST_SECONDS, seconds);
    }
    return (int64_t)(seconds * 1e9);
}

// MARK: Timers

typedef struct timer {
    uint64_t number;
} timer;

static timer *timer_at(lua_State *L, nj_vm *vm, int index) {
    void *found = lua_touserdata(L, index);
    if (found == NULL || !lua_getmetatable(L, index)) return NULL;
    bool is_timer = lua_topointer(L, -1) == vm->timer_metatable;
    lua_pop(L, 1);
    return is_timer ? found : NULL;
}

// timer:cancel(): whether it would have run again.
static int cancel(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const timer *self = timer_at(L, vm, 1);
    if (self == NULL) return nj_raise(L, NJ_RUNTIME, "timer.cancel was called without a timer: write timer:cancel()");
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->timers_ref);
    bool is_set = lua_rawgeti(L, -1, (lua_Integer)self->number) != LUA_TNIL;
    if (is_set) {
        lua_pushnil(L);
        lua_rawseti(L, -3, (lua_Integer)self->number);
        vm->host.cancel_timer(vm->host.context, self->number);
    }
    lua_pushboolean(L, is_set);
    return 1;
}

// Stack: time, function.
static int set_timer(lua_State *L, const char *name, int64_t least, bool repeats) {
    nj_vm *vm = nj_vm_of(L);
    if (vm->phase == NJ_PHASE_TOP) {
        return nj_raise(L, NJ_RUNTIME, "%s has no effect at the top level: make timers in load", name);
    }
    if (vm->phase == NJ_PHASE_SAVE) return nj_raise_phase(L, vm, name);
    int64_t delay = nj_duration_read(L, 1, name, "time");
    if (delay < least) return nj_raise(L, NJ_RUNTIME, "%s: time must be at least 1 ms", name);
    if (lua_type(L, 2) != LUA_TFUNCTION) {
        return nj_raise(L, NJ_RUNTIME, "%s: what to run must be a function, not %s", name,
                        lua_isnone(L, 2) ? "missing" : luaL_typename(L, 2));
    }
    lua_settop(L, 2);
    timer *self = lua_newuserdatauv(L, sizeof *self, 0);
    vm->last_task += 1;
    self->number = vm->last_task;
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->timer_metatable_ref);
    lua_setmetatable(L, 3);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->timers_ref);
    lua_pushvalue(L, 2);
    lua_rawseti(L, 4, (lua_Integer)self->number);
    if (!vm->host.set_timer(vm->host.context, self->number, delay, repeats ? delay : 0)) {
        lua_pushnil(L);
        lua_rawseti(L, 4, (lua_Integer)self->number);
        return nj_raise(L, NJ_RUNTIME, "%s: this script has as many timers as it may (limits.timers)", name);
    }
    lua_settop(L, 3);
    return 1;
}

// ws.after(time, f)
static int after(lua_State *L) { return set_timer(L, "ws.after", 0, false); }

// ws.every(time, f)
static int every(lua_State *L) { return set_timer(L, "ws.every", 1000000, true); }

bool nj_timer_is_set(nj_vm *vm, uint64_t number) {
    lua_rawgeti(vm->main, LUA_REGISTRYINDEX, vm->timers_ref);
    bool is_set = lua_rawgeti(vm->main, -1, (lua_Integer)number) != LUA_TNIL;
    lua_pop(vm->main, 2);
    return is_set;
}

int nj_timer_push(lua_State *L, nj_vm *vm, const nj_event *event) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->timers_ref);
    lua_rawgeti(L, -1, (lua_Integer)event->number);
    if (!event->repeats) {
        lua_pushnil(L);
        lua_rawseti(L, -3, (lua_Integer)event->number);
    }
    lua_remove(L, -2);
    lua_pushnumber(L, event->elapsed);
    return event->repeats ? 1 : (lua_pop(L, 1), 0);
}

static int refuse_field(lua_State *L) {
    return nj_raise(L, NJ_RUNTIME, "a timer has no other field than cancel: write timer:cancel()");
}

void nj_timer_open(lua_State *L) {
    static const luaL_Reg functions[] = {{"after", after}, {"every", every}, {NULL, NULL}};
    nj_vm *vm = nj_vm_of(L);
    luaL_setfuncs(L, functions, 0);
    lua_newtable(L);
    vm->timers_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_createtable(L, 0, 4);
    lua_pushliteral(L, "timer");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pushcfunction(L, refuse_field);
    lua_setfield(L, -2, "__newindex");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, cancel);
    lua_setfield(L, -2, "cancel");
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, refuse_field);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    lua_setfield(L, -2, "__index");
    vm->timer_metatable = lua_topointer(L, -1);
    vm->timer_metatable_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
