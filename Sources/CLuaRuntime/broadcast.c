//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// What ws.broadcast and room:broadcast share: for whom a message is.

#include "runtime.h"

// How a list, or one value of it, is read.
typedef struct reader {
    const char *function;
    // The option and what it may be, for errors.
    const char *expected;
    // The Room that is broadcast to, NULL for the route.
    const nj_room *room;
    void (*take)(lua_State *L, nj_vm *vm, int index, const struct reader *reader);
} reader;

static int refuse(lua_State *L, const reader *reader, const char *what) {
    return nj_raise(L, NJ_RUNTIME, "%s: %s, not %s", reader->function, reader->expected, what);
}

// Takes each value of the list at `index`. Uses 5 slots.
static void read_list(lua_State *L, nj_vm *vm, int index, const reader *reader) {
    lua_Unsigned count = lua_rawlen(L, index), found = 0;
    lua_pushnil(L);
    for (; lua_next(L, index); found++) {
        // Of a key that is no integer this is 0.
        lua_Unsigned position = lua_isinteger(L, -2) ? (lua_Unsigned)lua_tointeger(L, -2) : 0;
        if (position < 1 || position > count) refuse(L, reader, "a table with other keys than 1, 2, 3 and so on");
        reader->take(L, vm, lua_gettop(L), reader);
        lua_pop(L, 1);
    }
    if (found < count) refuse(L, reader, "a list with nil in it");
}

static void take_room(lua_State *L, nj_vm *vm, const nj_room *room, const reader *reader) {
    const nj_room *to = reader->room;
    size_t route_length = to == NULL ? 0 : to->route_length;
    if (!nj_room_has_route(room, to == NULL ? "" : to->name + to->length, route_length)) {
        refuse(L, reader, "a Room of another route");
    }
    nj_answer_name(&vm->names, room->name, room->length);
}

// A value of `rooms`.
static void take_room_or_name(lua_State *L, nj_vm *vm, int index, const reader *reader) {
    const nj_room *room = nj_room_at(L, vm, index);
    if (room != NULL) {
        take_room(L, vm, room, reader);
    } else if (lua_type(L, index) == LUA_TSTRING) {
        size_t length;
        const char *name = nj_room_name_read(L, vm, index, reader->function, &length);
        nj_answer_name(&vm->names, name, length);
    } else {
        refuse(L, reader, nj_kind_of(L, index));
    }
}

// A value of `except`.
static void take_excepted(lua_State *L, nj_vm *vm, int index, const reader *reader) {
    const nj_connection *connection = nj_connection_at(L, vm, index);
    const nj_room *room = nj_room_at(L, vm, index);
    if (connection != NULL) {
        nj_answer_append(&vm->answer, &connection->id, sizeof connection->id);
    } else if (room != NULL) {
        take_room(L, vm, room, reader);
    } else {
        refuse(L, reader, nj_kind_of(L, index));
    }
}

// Collects the rooms in the names, and behind them the excepted ones, and the excepted connections in the answer; all of
// them stay where they are until the next call that reads an audience or asks the host for a list. Uses 6 slots.
static nj_audience read_audience(lua_State *L, nj_vm *vm, const nj_message *message, const char *function,
                                 const nj_room *room) {
    nj_bytes *names = &vm->names.bytes, *ids = &vm->answer.bytes;
    nj_audience audience = {.route = NJ_OWN_ROUTE, .has_rooms = room != NULL || message->rooms != 0};
    // Asks the host, which may use the answer.
    if (room != NULL) audience.route = nj_room_route(L, vm, room, function);
    nj_bytes_empty(names, NJ_OUTBOX_KEPT);
    nj_bytes_empty(ids, NJ_OUTBOX_KEPT);
    if (room != NULL) nj_answer_name(&vm->names, room->name, room->length);
    if (message->rooms != 0) {
        reader reader = {function, "rooms must be a list of names or Rooms", room, take_room_or_name};
        if (!lua_istable(L, message->rooms)) refuse(L, &reader, nj_kind_of(L, message->rooms));
        read_list(L, vm, message->rooms, &reader);
    }
    size_t rooms_length = names->length;
    if (message->except != 0) {
        reader reader = {function, "except must be a conn, a Room or a list of these", room, take_excepted};
        if (lua_istable(L, message->except)) {
            read_list(L, vm, message->except, &reader);
        } else {
            take_excepted(L, vm, message->except, &reader);
        }
    }
    if (names->failed || ids->failed) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    audience.rooms = names->start;
    audience.rooms_length = rooms_length;
    audience.except_rooms = names->length > rooms_length ? names->start + rooms_length : NULL;
    audience.except_rooms_length = names->length - rooms_length;
    audience.except = (const uint64_t *)(const void *)ids->start;
    audience.except_count = ids->length / sizeof(uint64_t);
    return audience;
}

int nj_broadcast(lua_State *L, const char *function, const nj_room *room, int index) {
    nj_vm *vm = nj_vm_of(L);
    if (vm->phase != NJ_PHASE_RUN) {
        return nj_raise_phase(L, vm, function);
    }
    nj_message message = nj_message_read(L, index, function, room == NULL ? NJ_TO_ROUTE : NJ_TO_ROOM);
    nj_effect effect = {
        .kind = NJ_EFFECT_BROADCAST,
        .is_text = message.is_text,
        .compress = message.compress,
        .key = message.key,
        .key_length = message.key_length,
        .bytes = message.bytes,
        .length = message.length,
        .audience = read_audience(L, vm, &message, function, room),
    };
    size_t names_length = effect.audience.rooms_length + effect.audience.except_rooms_length;
    nj_outbox_reserve(L, vm, message.length + names_length, effect.audience.except_count, message.key_length);
    size_t addressed = vm->host.broadcast(vm->host.context, message.length, &effect.audience);
    if (addressed > 0) nj_outbox_append(vm, &effect);
    lua_pushinteger(L, (lua_Integer)addressed);
    return 1;
}
