//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// How an error becomes a failure that people can read: where it came from, taken from the stack without allocating (it
// may be memory that ran out), and what it says, whatever the script has thrown.

#include "runtime.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEEPEST_LEVEL 20

// MARK: Where

static void write_level(nj_failure *failure, const lua_Debug *activation) {
    char place[LUA_IDSIZE + 16], function[96];
    if (activation->currentline >= 0) {
        snprintf(place, sizeof place, "%s:%d", activation->short_src, activation->currentline);
    } else {
        snprintf(place, sizeof place, "%s", activation->short_src);
    }
    if (activation->name != NULL) {
        snprintf(function, sizeof function, "%s '%.64s'", activation->namewhat, activation->name);
    } else if (strcmp(activation->what, "main") == 0) {
        snprintf(function, sizeof function, "the top level");
    } else {
        snprintf(function, sizeof function, "function <%.64s:%d>", activation->short_src, activation->linedefined);
    }
    size_t room = sizeof failure->traceback - failure->traceback_length;
    int written = snprintf(failure->traceback + failure->traceback_length, room, "%s%s: in %s",
                           failure->traceback_length > 0 ? "\n" : "", place, function);
    if (written > 0) failure->traceback_length += (size_t)written < room ? (size_t)written : room - 1;
}

void nj_failure_locate(nj_vm *vm, lua_State *L, int level) {
    nj_failure *failure = &vm->failure;
    // What ran when the deadline passed is the place, not what was ended because of it; a coroutine that had only begun
    // has no line, and then it is the one that resumed it.
    if (vm->raising == NJ_DEADLINE && failure->line > 0) return;
    failure->file[0] = '\0';
    failure->line = 0;
    failure->traceback_length = 0;
    lua_Debug activation;
    for (int depth = 0; depth < DEEPEST_LEVEL && lua_getstack(L, level + depth, &activation); depth++) {
        lua_getinfo(L, "Sln", &activation);
        bool is_ours = activation.currentline < 0 && activation.name == NULL;
        if (!is_ours) write_level(failure, &activation);
        if (activation.currentline >= 0 && failure->line == 0) {
            snprintf(failure->file, sizeof failure->file, "%s", activation.short_src);
            failure->line = activation.currentline;
        }
    }
}

int nj_failure_handler(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    // The hook has located these itself, one level nearer.
    if (vm->raising != NJ_MEMORY && vm->raising != NJ_DEADLINE) nj_failure_locate(vm, L, 1);
    return 1;
}

// MARK: What

static void set_message(nj_failure *failure, const char *text, size_t length) {
    if (length > sizeof failure->message) length = sizeof failure->message;
    memcpy(failure->message, text, length);
    failure->message_length = length;
}

// An error may name another place than the one that raised it: error(text, 2), or a syntax error.
static void read_position(nj_failure *failure) {
    const char *colon = memchr(failure->message, ':', failure->message_length);
    if (colon == NULL || colon == failure->message) return;
    size_t file_length = (size_t)(colon - failure->message);
    char digits[12] = "";
    size_t rest = failure->message_length - file_length - 1;
    memcpy(digits, colon + 1, rest < sizeof digits - 1 ? rest : sizeof digits - 1);
    char *end;
    long line = strtol(digits, &end, 10);
    if (end == digits || *end != ':' || line <= 0 || file_length >= sizeof failure->file) return;
    // Only names of chunks end so; "12:30: too late" is the script's own text.
    if (file_length < 4 || memcmp(colon - 4, ".lua", 4) != 0) return;
    memcpy(failure->file, failure->message, file_length);
    failure->file[file_length] = '\0';
    failure->line = (int32_t)line;
}

// A table's address is no text.
static int to_text(lua_State *L) {
    if (lua_type(L, 1) != LUA_TNUMBER && luaL_getmetafield(L, 1, "__tostring") == LUA_TNIL) return 0;
    luaL_tolstring(L, 1, NULL);
    return 1;
}

void nj_failure_plain(nj_vm *vm, int status, const char *message) {
    nj_failure *failure = &vm->failure;
    char text[sizeof vm->script + 128], what[96];
    vm->has_failed = true;
    failure->kind = status == LUA_ERRMEM ? NJ_MEMORY : vm->raising;
    if (failure->kind == NJ_DEADLINE) {
        if (vm->watch.cause != NJ_CAUSE_CPU) failure->kind = NJ_WALL;
        nj_watch_describe(vm, what, sizeof what);
    } else if (failure->kind == NJ_MEMORY) {
        nj_quota_describe(vm, what, sizeof what);
    } else {
        snprintf(what, sizeof what, "%s", message);
    }
    if (failure->line > 0) {
        snprintf(text, sizeof text, "%s:%d: %s", failure->file, failure->line, what);
    } else {
        snprintf(text, sizeof text, "%s: %s", vm->script, what);
    }
    set_message(failure, text, strlen(text));
}

// Uses 3 slots.
void nj_failure_describe(lua_State *L, nj_vm *vm, int status) {
    nj_failure *failure = &vm->failure;
    if (status == LUA_ERRMEM || vm->raising == NJ_MEMORY || vm->watch.has_expired) {
        if (vm->watch.has_expired) vm->raising = NJ_DEADLINE;
        nj_failure_plain(vm, vm->watch.has_expired ? LUA_ERRRUN : status, NJ_OUT_OF_MEMORY);
        lua_pop(L, 1);
        return;
    }
    vm->has_failed = true;
    failure->kind = vm->raising;
    const char *type = luaL_typename(L, -1);
    bool is_text = lua_type(L, -1) == LUA_TSTRING;
    if (!is_text) {
        lua_pushcfunction(L, to_text);
        lua_insert(L, -2);
        is_text = lua_pcall(L, 1, 1, 0) == LUA_OK && lua_isstring(L, -1);
    }
    if (vm->watch.has_expired) {
        vm->raising = NJ_DEADLINE;
        nj_failure_plain(vm, LUA_ERRRUN, "");
    } else if (is_text) {
        size_t length;
        const char *text = lua_tolstring(L, -1, &length);
        set_message(failure, text, length);
        read_position(failure);
    } else {
        char text[64];
        if (strcmp(type, "nil") == 0) {
            snprintf(text, sizeof text, "the error is nil");
        } else {
            snprintf(text, sizeof text, "the error is a %s that has no text", type);
        }
        // Not what its own function raised.
        vm->raising = failure->kind;
        nj_failure_plain(vm, LUA_ERRRUN, text);
    }
    lua_pop(L, 1);
}

// Pushes where the error is: the line of the script that called, or, while the results of a handler are read, that handler.
// Uses 2 slots.
static void push_place(lua_State *L, const nj_vm *vm) {
    luaL_where(L, 1);
    if (vm->results_ref == LUA_NOREF || lua_rawlen(L, -1) > 0) return;
    lua_Debug handler;
    lua_pop(L, 1);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->results_ref);
    lua_getinfo(L, ">S", &handler);
    if (handler.linedefined > 0) {
        lua_pushfstring(L, "%s:%d: ", handler.short_src, handler.linedefined);
    } else {
        lua_pushfstring(L, "%s: ", vm->script);
    }
}

int nj_raise(lua_State *L, nj_failure_kind kind, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    nj_vm *vm = nj_vm_of(L);
    vm->raising = kind;
    push_place(L, vm);
    lua_pushstring(L, text);
    lua_concat(L, 2);
    return lua_error(L);
}

int nj_raise_phase(lua_State *L, const nj_vm *vm, const char *function) {
    const char *place = vm->phase == NJ_PHASE_SAVE ? "in save" : "while the script loads";
    return nj_raise(L, NJ_RUNTIME, "%s has no effect %s", function, place);
}

int nj_raise_located(lua_State *L, nj_failure_kind kind, const char *text) {
    nj_vm *vm = nj_vm_of(L);
    nj_failure_locate(vm, L, 0);
    vm->raising = kind;
    if (vm->failure.line > 0) {
        lua_pushfstring(L, "%s:%d: %s", vm->failure.file, (int)vm->failure.line, text);
    } else {
        lua_pushstring(L, text);
    }
    return lua_error(L);
}
