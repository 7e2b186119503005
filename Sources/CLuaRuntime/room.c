//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Room: a userdata with a name, made anew each time and equal by name. Who is in a room is asked of the host.

#include "runtime.h"

#include <string.h>

enum field { FIELD_NONE, FIELD_NAME, FIELD_COUNT };

// Bytes of a route's name, which is the path of a file.
#define LONGEST_ROUTE 4096

static const nj_name names[] = {
    {"name", NJ_KNOWN},  {"count", NJ_KNOWN},      {"broadcast", NJ_KNOWN},
    {"conns", NJ_KNOWN}, {"disconnect", NJ_KNOWN}, {NULL, NJ_KNOWN},
};

// MARK: The object

void nj_room_push_of_route(lua_State *L, nj_vm *vm, const char *name, size_t length, const char *route,
                           size_t route_length) {
    nj_room *room = lua_newuserdatauv(L, sizeof *room + length + route_length, 0);
    room->length = (uint16_t)length;
    room->route_length = (uint16_t)route_length;
    memcpy(room->name, name, length);
    if (route_length > 0) memcpy(room->name + length, route, route_length);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->room_metatable_ref);
    lua_setmetatable(L, -2);
}

void nj_room_push(lua_State *L, nj_vm *vm, const char *name, size_t length) {
    nj_room_push_of_route(L, vm, name, length, "", 0);
}

const nj_room *nj_room_at(lua_State *L, nj_vm *vm, int index) {
    const void *room = lua_touserdata(L, index);
    if (room == NULL || !lua_getmetatable(L, index)) return NULL;
    bool is_room = lua_topointer(L, -1) == vm->room_metatable;
    lua_pop(L, 1);
    return is_room ? room : NULL;
}

bool nj_room_has_route(const nj_room *room, const char *route, size_t length) {
    return room->route_length == length && memcmp(room->name + room->length, route, length) == 0;
}

static int refuse_route(lua_State *L, nj_vm *vm, const char *function) {
    nj_bytes *sentence = &vm->answer.bytes;
    if (sentence->failed) return nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    return nj_raise(L, NJ_RUNTIME, "%s: %.*s", function, (int)sentence->length, (const char *)sentence->start);
}

int32_t nj_room_route(lua_State *L, nj_vm *vm, const nj_room *room, const char *function) {
    if (room->route_length == 0) return NJ_OWN_ROUTE;
    nj_bytes_empty(&vm->answer.bytes, NJ_OUTBOX_KEPT);
    int32_t route = vm->host.route(vm->host.context, room->name + room->length, room->route_length, &vm->answer);
    if (route == NJ_NO_ROUTE) refuse_route(L, vm, function);
    return route;
}

const char *nj_room_name_read(lua_State *L, nj_vm *vm, int index, const char *function, size_t *length) {
    if (lua_type(L, index) != LUA_TSTRING) {
        const char *advice = nj_room_at(L, vm, index) != NULL ? ": pass room.name" : "";
        nj_raise(L, NJ_RUNTIME, "%s: name must be a string, not %s%s", function, nj_kind_of(L, index), advice);
    }
    const char *name = lua_tolstring(L, index, length);
    if (*length < 1 || *length > NJ_LONGEST_ROOM) {
        nj_raise(L, NJ_RUNTIME, "%s: a room's name must have 1 to %d bytes, not %zu", function, NJ_LONGEST_ROOM,
                 *length);
    }
    return name;
}

// MARK: Lists of names

// The name at the position `next` of a list, which moves behind it; NULL at the end.
static const char *next_name(const uint8_t *list, size_t list_length, size_t *next, size_t *length) {
    if (*next == list_length) return NULL;
    uint16_t head;
    memcpy(&head, list + *next, sizeof head);
    const char *name = (const char *)list + *next + sizeof head;
    *length = head;
    *next += sizeof head + head;
    return name;
}

void nj_room_push_names(lua_State *L, nj_vm *vm, uint64_t id) {
    nj_bytes *bytes = &vm->answer.bytes;
    nj_bytes_empty(bytes, NJ_OUTBOX_KEPT);
    vm->host.rooms_of(vm->host.context, id, &vm->answer);
    if (bytes->failed) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    lua_newtable(L);
    size_t next = 0, length;
    lua_Integer count = 0;
    for (const char *name; (name = next_name(bytes->start, bytes->length, &next, &length)) != NULL;) {
        lua_pushlstring(L, name, length);
        lua_rawseti(L, -2, ++count);
    }
}

// Upvalues: the list of names, the position of the next one. Passes over rooms that nobody is in any more.
static int next_of_rooms(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const uint8_t *list = lua_touserdata(L, lua_upvalueindex(1));
    size_t next = (size_t)lua_tointeger(L, lua_upvalueindex(2)), length;
    const char *name;
    do {
        name = next_name(list, lua_rawlen(L, lua_upvalueindex(1)), &next, &length);
        if (name == NULL) return 0;
    } while (vm->host.room_count(vm->host.context, NJ_OWN_ROUTE, name, length) == 0);
    lua_pushinteger(L, (lua_Integer)next);
    lua_replace(L, lua_upvalueindex(2));
    lua_pushlstring(L, name, length);
    return 1;
}

// for name in ws.rooms() do ... end
static int rooms(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    nj_bytes *bytes = &vm->answer.bytes;
    nj_bytes_empty(bytes, NJ_OUTBOX_KEPT);
    vm->host.rooms(vm->host.context, &vm->answer);
    if (bytes->failed) return nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    void *list = lua_newuserdatauv(L, bytes->length, 0);
    if (bytes->length > 0) memcpy(list, bytes->start, bytes->length);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_of_rooms, 2);
    return 1;
}

// ws.room(name [, route])
static int room(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    size_t length, route_length = 0;
    const char *name = nj_room_name_read(L, vm, 1, "ws.room", &length), *route = "";
    if (!lua_isnoneornil(L, 2)) {
        if (lua_type(L, 2) != LUA_TSTRING) {
            return nj_raise(L, NJ_RUNTIME, "ws.room: route must be a string, not %s", nj_kind_of(L, 2));
        }
        route = lua_tolstring(L, 2, &route_length);
        nj_bytes_empty(&vm->answer.bytes, NJ_OUTBOX_KEPT);
        int32_t number = vm->host.route(vm->host.context, route, route_length, &vm->answer);
        // While scripts are loaded the others may not be there yet: then the first use tells.
        bool can_come = vm->phase != NJ_PHASE_RUN && route_length > 0 && route_length <= LONGEST_ROUTE;
        if (number == NJ_NO_ROUTE && !can_come) return refuse_route(L, vm, "ws.room");
        if (number == NJ_OWN_ROUTE) route_length = 0;
    }
    nj_room_push_of_route(L, vm, name, length, route, route_length);
    return 1;
}

// MARK: Membership

static int answer_not_open(lua_State *L) {
    lua_pushnil(L);
    lua_pushliteral(L, "closed");
    return 2;
}

int nj_room_join(lua_State *L, nj_vm *vm, uint64_t id) {
    size_t length;
    const char *name = nj_room_name_read(L, vm, 2, "conn:join", &length);
    nj_room_push(L, vm, name, length);
    nj_outbox_reserve(L, vm, length, 0, 0);
    switch (vm->host.join(vm->host.context, id, name, length)) {
    case NJ_MOVED: {
        nj_effect effect = {.kind = NJ_EFFECT_JOIN, .id = id, .bytes = name, .length = length};
        nj_outbox_append(vm, &effect);
        break;
    }
    case NJ_STAYED:
    case NJ_NOT_OPEN:
        break;
    case NJ_REFUSED:
        lua_pushnil(L);
        lua_pushliteral(L, "full");
        return 2;
    }
    return 1;
}

int nj_room_leave(lua_State *L, nj_vm *vm, uint64_t id) {
    size_t length;
    const char *name = nj_room_name_read(L, vm, 2, "conn:leave", &length);
    nj_outbox_reserve(L, vm, length, 0, 0);
    switch (vm->host.leave(vm->host.context, id, name, length)) {
    case NJ_MOVED: {
        nj_effect effect = {.kind = NJ_EFFECT_LEAVE, .id = id, .bytes = name, .length = length};
        nj_outbox_append(vm, &effect);
        break;
    }
    case NJ_STAYED:
        break;
    case NJ_NOT_OPEN:
    case NJ_REFUSED:
        return answer_not_open(L);
    }
    lua_pushboolean(L, 1);
    return 1;
}

// MARK: Methods

// The Room that a method was called on; without one, the colon was forgotten.
static const nj_room *check_self(lua_State *L, nj_vm *vm, const char *method) {
    const nj_room *room = nj_room_at(L, vm, 1);
    if (room == NULL) {
        nj_raise(L, NJ_RUNTIME, "room.%s was called without a Room: write room:%s(...)", method, method);
    }
    return room;
}

// The same for what only a Room of the script's own route has.
static const nj_room *check_own(lua_State *L, nj_vm *vm, const char *method) {
    const nj_room *room = check_self(L, vm, method);
    if (room->route_length > 0) {
        nj_raise(L, NJ_RUNTIME, "room:%s is for rooms of this script's own route: one of another has broadcast and count",
                 method);
    }
    return room;
}

// room:broadcast(data [, kind | options])
static int broadcast(lua_State *L) {
    return nj_broadcast(L, "room:broadcast", check_self(L, nj_vm_of(L), "broadcast"), 2);
}

// for conn in room:conns() do ... end
static int conns(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const nj_room *room = check_own(L, vm, "conns");
    nj_bytes_empty(&vm->answer.bytes, NJ_OUTBOX_KEPT);
    vm->host.room_members(vm->host.context, room->name, room->length, &vm->answer);
    return nj_connections_push(L, vm);
}

// room:disconnect([code [, reason]])
static int disconnect(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const nj_room *room = check_own(L, vm, "disconnect");
    if (vm->phase != NJ_PHASE_RUN) {
        return nj_raise_phase(L, vm, "room:disconnect");
    }
    nj_ending ending = nj_ending_read(L, 2, "room:disconnect");
    nj_bytes_empty(&vm->names.bytes, NJ_OUTBOX_KEPT);
    nj_answer_name(&vm->names, room->name, room->length);
    if (vm->names.bytes.failed) return nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    nj_effect effect = {
        .kind = NJ_EFFECT_DISCONNECT,
        .code = ending.code,
        .bytes = ending.reason,
        .length = ending.length,
        .audience = {
            .route = NJ_OWN_ROUTE,
            .has_rooms = true,
            .rooms = vm->names.bytes.start,
            .rooms_length = vm->names.bytes.length,
        },
    };
    nj_outbox_reserve(L, vm, ending.length + effect.audience.rooms_length, 0, 0);
    size_t count = vm->host.disconnect(vm->host.context, room->name, room->length, &effect.audience.note);
    if (count > 0) nj_outbox_append(vm, &effect);
    lua_pushinteger(L, (lua_Integer)count);
    return 1;
}

// MARK: Fields

static int push_field(lua_State *L, nj_vm *vm, enum field field) {
    const nj_room *room = nj_room_at(L, vm, 1);
    if (room == NULL) return nj_raise(L, NJ_RUNTIME, "this is no Room");
    switch (field) {
    case FIELD_NONE:
        lua_pushnil(L);
        break;
    case FIELD_NAME:
        lua_pushlstring(L, room->name, room->length);
        break;
    case FIELD_COUNT: {
        int32_t route = nj_room_route(L, vm, room, "room.count");
        lua_pushinteger(L, (lua_Integer)vm->host.room_count(vm->host.context, route, room->name, room->length));
        break;
    }
    }
    return 1;
}

static int refuse_field(lua_State *L) {
    if (lua_type(L, 2) != LUA_TSTRING) {
        return nj_raise(L, NJ_RUNTIME, "a Room has no field of type %s", luaL_typename(L, 2));
    }
    size_t length;
    const char *name = lua_tolstring(L, 2, &length);
    if (nj_names_equal(name, length, "send")) {
        return nj_raise(L, NJ_RUNTIME, "room.send does not exist: write room:broadcast(...)");
    }
    if (nj_names_equal(name, length, "join") || nj_names_equal(name, length, "leave")) {
        return nj_raise(L, NJ_RUNTIME, "room.%s does not exist: write conn:%s(room.name)", name, name);
    }
    char text[256];
    nj_names_explain(names, name, length, "field of a Room:", "", text, sizeof text);
    return nj_raise(L, NJ_RUNTIME, "%s", text);
}

// Upvalue: the table of methods and field numbers.
static int index_field(lua_State *L) {
    lua_pushvalue(L, 2);
    switch (lua_rawget(L, lua_upvalueindex(1))) {
    case LUA_TFUNCTION:
        return 1;
    case LUA_TNUMBER:
        return push_field(L, nj_vm_of(L), (enum field)lua_tointeger(L, -1));
    default:
        return refuse_field(L);
    }
}

static int set_field(lua_State *L) {
    return nj_raise(L, NJ_RUNTIME, "a Room cannot be given fields: use a variable of the script");
}

static int equals(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const nj_room *a = nj_room_at(L, vm, 1), *b = nj_room_at(L, vm, 2);
    bool are_equal = a != NULL && b != NULL && a->length == b->length && memcmp(a->name, b->name, a->length) == 0 &&
                     nj_room_has_route(a, b->name + b->length, b->route_length);
    lua_pushboolean(L, are_equal);
    return 1;
}

static int to_string(lua_State *L) {
    const nj_room *room = nj_room_at(L, nj_vm_of(L), 1);
    if (room == NULL) return nj_raise(L, NJ_RUNTIME, "this is no Room");
    lua_pushliteral(L, "room ");
    lua_pushlstring(L, room->name, room->length);
    lua_pushstring(L, room->route_length > 0 ? " of " : "");
    lua_pushlstring(L, room->name + room->length, room->route_length);
    lua_concat(L, 4);
    return 1;
}

void nj_room_open(lua_State *L) {
    static const luaL_Reg functions[] = {{"room", room}, {"rooms", rooms}, {NULL, NULL}};
    static const luaL_Reg methods[] = {
        {"broadcast", broadcast}, {"conns", conns}, {"disconnect", disconnect}, {NULL, NULL},
    };
    static const luaL_Reg events[] = {
        {"__eq", equals}, {"__newindex", set_field}, {"__tostring", to_string}, {NULL, NULL},
    };
    nj_vm *vm = nj_vm_of(L);
    luaL_setfuncs(L, functions, 0);
    luaL_newlib(L, events);
    lua_pushliteral(L, "Room");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    luaL_newlib(L, methods);
    lua_pushinteger(L, FIELD_NAME);
    lua_setfield(L, -2, "name");
    lua_pushinteger(L, FIELD_COUNT);
    lua_setfield(L, -2, "count");
    lua_pushcclosure(L, index_field, 1);
    lua_setfield(L, -2, "__index");
    vm->room_metatable = lua_topointer(L, -1);
    vm->room_metatable_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
