//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Events: each pushes a handler and its arguments inside its coroutine, where running out of memory is an error like any
// other.

#include "runtime.h"

// err: message, traceback, handler, version.
static void push_report(lua_State *L, const nj_report *report) {
    lua_createtable(L, 0, 4);
    lua_pushlstring(L, (const char *)report->message, report->message_length);
    lua_setfield(L, -2, "message");
    lua_pushlstring(L, (const char *)report->traceback, report->traceback_length);
    lua_setfield(L, -2, "traceback");
    lua_pushlstring(L, (const char *)report->handler, report->handler_length);
    lua_setfield(L, -2, "handler");
    lua_pushinteger(L, (lua_Integer)report->version);
    lua_setfield(L, -2, "version");
}

static const char *bytes_of(const nj_event *event) { return event->length > 0 ? event->bytes : ""; }

static int do_nothing(lua_State *L) {
    (void)L;
    return 0;
}

// Texts as long as this are not checked again when the script sends them on.
#define LONG_TEXT 1024

// The string at the top takes the frame's place on the stack, which is read by now: so it is there until the event is over,
// whatever the handler does with its argument, and no other string can have its address. Uses 1 slot.
static void know_text(lua_State *L, nj_vm *vm) {
    lua_pushvalue(L, -1);
    lua_replace(L, 1);
    vm->known_text = lua_tolstring(L, 1, NULL);
}

static int push_event(lua_State *L, nj_vm *vm, const void *what) {
    const nj_event *event = what;
    if (event->kind == NJ_EVENT_TIMER) return nj_timer_push(L, vm, event);
    if (event->kind == NJ_EVENT_SPAWN) return nj_task_push_spawned(L, vm, event->number);
    if (event->kind == NJ_EVENT_UPGRADE || event->kind == NJ_EVENT_REQUEST) return nj_http_push(L, vm, event);
    if (vm->on_ref != LUA_NOREF && event->kind == NJ_EVENT_MESSAGE && event->is_text) return nj_on_push(L, vm, event);
    if (vm->handler_refs[event->kind] == LUA_NOREF) {
        lua_pushcfunction(L, do_nothing);
    } else {
        lua_rawgeti(L, LUA_REGISTRYINDEX, vm->handler_refs[event->kind]);
    }
    if (event->has_connection) {
        nj_connection_push(L, vm, event->id);
    } else {
        lua_pushnil(L);
    }
    switch (event->kind) {
    case NJ_EVENT_CONNECT:
        if (event->token != 0) nj_http_take_state(L, vm, event->token, lua_gettop(L));
        if (!vm->connect_takes_request) return 1;
        nj_request_push(L, vm, lua_gettop(L));
        return 2;
    case NJ_EVENT_MESSAGE:
        lua_pushlstring(L, bytes_of(event), event->length);
        if (event->is_text && event->length >= LONG_TEXT) know_text(L, vm);
        lua_rawgeti(L, LUA_REGISTRYINDEX, event->is_text ? vm->text_ref : vm->binary_ref);
        return 3;
    case NJ_EVENT_CLOSE:
        lua_pushinteger(L, event->code);
        lua_pushlstring(L, bytes_of(event), event->length);
        lua_pushboolean(L, event->was_clean);
        return 4;
    case NJ_EVENT_DRAIN:
    case NJ_EVENT_UPGRADE:
    case NJ_EVENT_REQUEST:
        return 1;
    case NJ_EVENT_ERROR:
        push_report(L, event->report);
        return 2;
    case NJ_EVENT_TIMER:
    case NJ_EVENT_SPAWN:
        break;
    }
    return 1;
}

// Whether the script has something to run for the event.
static bool is_handled(nj_vm *vm, const nj_event *event) {
    if (event->kind < NJ_HANDLER_COUNT && vm->handler_refs[event->kind] != LUA_NOREF) return true;
    if (event->kind == NJ_EVENT_MESSAGE) return vm->on_ref != LUA_NOREF && event->is_text;
    if (vm->main == NULL) return false;
    // Without a handler a connection still has the state that its upgrade returned.
    if (event->kind == NJ_EVENT_CONNECT) return event->token != 0;
    if (event->kind < NJ_HANDLER_COUNT) return false;
    return event->kind == NJ_EVENT_SPAWN || nj_timer_is_set(vm, event->number);
}

nj_outcome nj_vm_dispatch(nj_vm *vm, const nj_event *event) {
    if (!is_handled(vm, event)) return NJ_UNHANDLED;
    nj_task task = {.kind = event->kind, .has_connection = event->has_connection, .connection = event->id};
    nj_event_frame frame = {.push = push_event, .what = event};
    return nj_vm_run(vm, &task, &frame, vm->limits.event_ticks);
}

bool nj_vm_handles(const nj_vm *vm, nj_event_kind kind) {
    return kind < NJ_HANDLER_COUNT && vm->handler_refs[kind] != LUA_NOREF;
}
