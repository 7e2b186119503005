//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// ws.shared: what scripts do with the values of shared.c. Values go in and out as plain data. No lock is held while Lua
// works, because Lua may raise; what a function has got from the store is held by the VM, for the same reason.

#include "runtime.h"

#include <math.h>
#include <string.h>

#define LONGEST_KEY 256

static const nj_name names[] = {
    {"get", NJ_KNOWN}, {"set", NJ_KNOWN},    {"add", NJ_KNOWN}, {"incr", NJ_KNOWN},
    {"cas", NJ_KNOWN}, {"delete", NJ_KNOWN}, {NULL, NJ_KNOWN},
};
static const nj_name set_options[] = {{"ttl", NJ_KNOWN}, {NULL, NJ_KNOWN}};
static const nj_name incr_options[] = {{"init", NJ_KNOWN}, {"ttl", NJ_KNOWN}, {NULL, NJ_KNOWN}};

// MARK: Arguments

// The change of the key that is the first argument, still without a value.
static nj_change check_key(lua_State *L, const char *function) {
    nj_change change = {.key = NULL};
    if (lua_type(L, 1) != LUA_TSTRING) {
        nj_raise(L, NJ_RUNTIME, "%s: key must be a string, not %s", function,
                 lua_isnone(L, 1) ? "missing" : nj_kind_of(L, 1));
    }
    change.key = lua_tolstring(L, 1, &change.key_length);
    if (change.key_length < 1 || change.key_length > LONGEST_KEY) {
        nj_raise(L, NJ_RUNTIME, "%s: key must have 1 to %d bytes, not %zu", function, LONGEST_KEY, change.key_length);
    }
    return change;
}

// A script that is loaded may still be refused, and what it changed would stay.
static nj_change check_change(lua_State *L, const char *function) {
    if (nj_vm_of(L)->phase != NJ_PHASE_RUN) nj_raise_phase(L, nj_vm_of(L), function);
    return check_key(L, function);
}

static void check_value(lua_State *L, int index, const char *function, const char *what) {
    if (lua_isnone(L, index)) nj_raise(L, NJ_RUNTIME, "%s: %s is missing", function, what);
}

// The number at `index`; raises for what is none.
static void check_number(lua_State *L, int index, const char *function, const char *what) {
    if (lua_type(L, index) == LUA_TNUMBER) return;
    nj_raise(L, NJ_RUNTIME, "%s: %s must be a number, not %s", function, what, nj_kind_of(L, index));
}

// Reads the options at `index`, if there are any; `init` becomes the value at `init_index`. Uses 5 slots.
static void read_options(lua_State *L, int index, const char *function, const nj_name *options, nj_change *change,
                         int init_index) {
    if (lua_isnoneornil(L, index)) return;
    nj_options_check(L, index, function);
    const char *name;
    lua_pushnil(L);
    while ((name = nj_options_next(L, index, function, options)) != NULL) {
        if (strcmp(name, "ttl") == 0) {
            change->ttl = nj_duration_read(L, lua_gettop(L), function, "ttl");
            if (change->ttl < 1) nj_raise(L, NJ_RUNTIME, "%s: ttl must be more than 0", function);
            lua_pop(L, 1);
        } else {
            check_number(L, -1, function, "init");
            lua_replace(L, init_index);
        }
    }
}

// MARK: Values

static nj_blob *get_value(nj_vm *vm, nj_change *change) {
    nj_blob_release(vm->held);
    vm->held = nj_shared_get(vm->shared, change->key, change->key_length, &change->version);
    return vm->held;
}

// Pushes the value of the change's key, or nil.
static void push_value(lua_State *L, nj_vm *vm, nj_change *change) {
    const nj_blob *value = get_value(vm, change);
    if (value == NULL) {
        lua_pushnil(L);
        return;
    }
    size_t length;
    const void *bytes = nj_blob_bytes(value, &length);
    nj_plain_push(L, vm, bytes, length);
    nj_blob_release(vm->held);
    vm->held = NULL;
}

// Writes the value at `index` to the scratch.
static void write_value(lua_State *L, nj_vm *vm, int index, const char *what) {
    nj_bytes_empty(&vm->scratch, NJ_OUTBOX_KEPT);
    nj_plain_write(L, vm, index, &vm->scratch, what, 0);
}

// Puts what the scratch holds, or deletes the key when that is nil.
static nj_change_result put(lua_State *L, nj_vm *vm, nj_change *change, bool is_nil) {
    change->value = NULL;
    if (!is_nil) {
        // Larger than all there is: not to be copied first.
        if (vm->scratch.length > nj_shared_capacity(vm->shared)) return NJ_CHANGE_FULL;
        change->value = nj_blob_create(vm->scratch.start, vm->scratch.length);
        if (change->value == NULL) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    }
    return nj_shared_change(vm->shared, change);
}

static int refuse(lua_State *L, const char *why) {
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

static int answer(lua_State *L, nj_vm *vm, nj_change_result result, const char *late) {
    switch (result) {
    case NJ_CHANGE_DONE:
        lua_pushboolean(L, 1);
        return 1;
    case NJ_CHANGE_LATE:
        return refuse(L, late);
    case NJ_CHANGE_FULL:
        break;
    }
    vm->host.shared_is_full(vm->host.context);
    return refuse(L, "full");
}

// Whether two plain values are the same, tables by what they hold. `depth` tables are around them.
static bool is_equal(lua_State *L, nj_vm *vm, int a, int b, int depth) {
    nj_watch_look(L, vm);
    if (lua_rawequal(L, a, b)) return true;
    if (!lua_istable(L, a) || !lua_istable(L, b) || depth > NJ_DEEPEST_TABLE) return false;
    luaL_checkstack(L, 8, NULL);
    lua_Integer count = 0;
    lua_pushnil(L);
    while (lua_next(L, a)) {
        int top = lua_gettop(L);
        lua_pushvalue(L, top - 1);
        lua_rawget(L, b);
        if (!is_equal(L, vm, top, top + 1, depth + 1)) return false;
        lua_settop(L, top - 1);
        count += 1;
    }
    lua_pushnil(L);
    while (lua_next(L, b)) {
        lua_pop(L, 1);
        count -= 1;
        nj_watch_look(L, vm);
    }
    return count == 0;
}

// MARK: The functions

// ws.shared.get(key)
static int get(lua_State *L) {
    nj_change change = check_key(L, "ws.shared.get");
    push_value(L, nj_vm_of(L), &change);
    return 1;
}

// ws.shared.set(key, value [, options])
static int set(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    nj_change change = check_change(L, "ws.shared.set");
    check_value(L, 2, "ws.shared.set", "the value");
    read_options(L, 3, "ws.shared.set", set_options, &change, 0);
    write_value(L, vm, 2, "ws.shared.set: value");
    return answer(L, vm, put(L, vm, &change, lua_isnil(L, 2)), NULL);
}

// ws.shared.add(key, value [, options])
static int add(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    nj_change change = check_change(L, "ws.shared.add");
    if (lua_isnoneornil(L, 2)) return nj_raise(L, NJ_RUNTIME, "ws.shared.add: the value is missing");
    read_options(L, 3, "ws.shared.add", set_options, &change, 0);
    write_value(L, vm, 2, "ws.shared.add: value");
    change.needs_version = true;
    return answer(L, vm, put(L, vm, &change, false), "exists");
}

// ws.shared.delete(key): whether there was a value.
static int delete_key(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    nj_change change = check_change(L, "ws.shared.delete");
    nj_shared_change(vm->shared, &change);
    lua_pushboolean(L, change.version != 0);
    return 1;
}

// Replaces the two numbers at the top by their sum.
static void add_numbers(lua_State *L) {
    lua_Integer sum;
    if (lua_isinteger(L, -2) && lua_isinteger(L, -1)) {
        if (__builtin_add_overflow(lua_tointeger(L, -2), lua_tointeger(L, -1), &sum)) {
            nj_raise(L, NJ_RUNTIME, "ws.shared.incr: %lld and %lld together are no integer of 64 bits",
                     (long long)lua_tointeger(L, -2), (long long)lua_tointeger(L, -1));
        }
        lua_pop(L, 2);
        lua_pushinteger(L, sum);
        return;
    }
    lua_Number total = lua_tonumber(L, -2) + lua_tonumber(L, -1);
    if (!isfinite(total)) nj_raise(L, NJ_RUNTIME, "ws.shared.incr: the sum would not be a finite number");
    lua_pop(L, 2);
    lua_pushnumber(L, total);
}

// ws.shared.incr(key [, n [, options]]). Stack: key, n, options, init.
static int incr(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    nj_change change = check_change(L, "ws.shared.incr");
    lua_settop(L, 3);
    if (lua_isnil(L, 2)) {
        lua_pushinteger(L, 1);
        lua_replace(L, 2);
    }
    check_number(L, 2, "ws.shared.incr", "n");
    lua_pushinteger(L, 0);
    read_options(L, 3, "ws.shared.incr", incr_options, &change, 4);
    change.needs_version = change.keeps_ttl = true;
    nj_change_result result;
    do {
        nj_watch_look(L, vm);
        lua_settop(L, 4);
        push_value(L, vm, &change);
        if (lua_isnil(L, 5)) {
            lua_pushvalue(L, 4);
            lua_replace(L, 5);
        }
        check_number(L, 5, "ws.shared.incr", "the value so far");
        lua_pushvalue(L, 2);
        add_numbers(L);
        write_value(L, vm, 5, "value");
        result = put(L, vm, &change, false);
    } while (result == NJ_CHANGE_LATE);
    if (result == NJ_CHANGE_FULL) return answer(L, vm, result, NULL);
    return 1;
}

// ws.shared.cas(key, old, new). Stack: key, old, new.
static int cas(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    nj_change change = check_change(L, "ws.shared.cas");
    check_value(L, 2, "ws.shared.cas", "the old value");
    check_value(L, 3, "ws.shared.cas", "the new value");
    lua_settop(L, 3);
    write_value(L, vm, 3, "ws.shared.cas: the new value");
    change.needs_version = change.keeps_ttl = true;
    nj_change_result result;
    do {
        nj_watch_look(L, vm);
        lua_settop(L, 3);
        push_value(L, vm, &change);
        if (!is_equal(L, vm, 2, 4, 0)) return refuse(L, "changed");
        result = put(L, vm, &change, lua_isnil(L, 3));
    } while (result == NJ_CHANGE_LATE);
    return answer(L, vm, result, NULL);
}

void nj_shared_open(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"get", get}, {"set", set}, {"add", add}, {"incr", incr}, {"cas", cas}, {"delete", delete_key}, {NULL, NULL},
    };
    luaL_newlib(L, functions);
    nj_names_seal(L, names, "ws.shared", NULL);
}
