//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// conn: a userdata with the connection's id, one object for each connection and VM, so that == and table keys work. It
// has no finalizer; what it names is asked of the host by id, and a closed connection's id never comes back.

#include "runtime.h"

#include <string.h>

enum field {
    FIELD_NONE, FIELD_ID, FIELD_STATE, FIELD_REQUEST, FIELD_PROTOCOL, FIELD_BUFFERED, FIELD_OPEN, FIELD_ROOMS
};

// What __index finds: a method's function, or the field's number.
static const struct {
    const char *name;
    enum field field;
} fields[] = {
    {"id", FIELD_ID},           {"state", FIELD_STATE},     {"params", FIELD_REQUEST},    {"query", FIELD_REQUEST},
    {"path", FIELD_REQUEST},    {"ip", FIELD_REQUEST},      {"protocol", FIELD_PROTOCOL}, {"buffered", FIELD_BUFFERED},
    {"open", FIELD_OPEN},       {"rooms", FIELD_ROOMS},
};

static const nj_name names[] = {
    {"id", NJ_KNOWN},       {"state", NJ_KNOWN},    {"params", NJ_KNOWN}, {"query", NJ_KNOWN},   {"path", NJ_KNOWN},
    {"ip", NJ_KNOWN},       {"protocol", NJ_KNOWN}, {"open", NJ_KNOWN},   {"send", NJ_KNOWN},    {"close", NJ_KNOWN},
    {"buffered", NJ_KNOWN}, {"rooms", NJ_KNOWN},    {"join", NJ_KNOWN},   {"leave", NJ_KNOWN},   {"receive", NJ_KNOWN},
    {"call", NJ_RESERVED},  {"flush", NJ_RESERVED}, {"expire", NJ_RESERVED}, {NULL, NJ_KNOWN},
};

// MARK: The object

nj_connection *nj_connection_at(lua_State *L, nj_vm *vm, int index) {
    nj_connection *connection = lua_touserdata(L, index);
    // A light userdata has no length.
    if (connection == NULL || lua_rawlen(L, index) != sizeof *connection) return NULL;
    return connection->type == vm->connection_metatable ? connection : NULL;
}

void nj_connection_push(lua_State *L, nj_vm *vm, uint64_t id) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->connections_ref);
    if (lua_rawgeti(L, -1, (lua_Integer)id) == LUA_TNIL) {
        lua_pop(L, 1);
        nj_connection *connection = lua_newuserdatauv(L, sizeof *connection, NJ_CONNECTION_VALUES);
        connection->type = vm->connection_metatable;
        connection->id = id;
        bool is_known = vm->host.public_id(vm->host.context, id, connection->public_id);
        if (!is_known) memset(connection->public_id, '?', sizeof connection->public_id);
        lua_rawgeti(L, LUA_REGISTRYINDEX, vm->connection_metatable_ref);
        lua_setmetatable(L, -2);
        // One that the host has forgotten would stay in the table for ever.
        if (is_known) {
            lua_pushvalue(L, -1);
            lua_rawseti(L, -3, (lua_Integer)id);
        }
    }
    lua_replace(L, -2);
}

void nj_vm_forget(nj_vm *vm, uint64_t id) {
    if (vm->main == NULL) return;
    lua_rawgeti(vm->main, LUA_REGISTRYINDEX, vm->connections_ref);
    lua_pushnil(vm->main);
    lua_rawseti(vm->main, -2, (lua_Integer)id);
    lua_pop(vm->main, 1);
}

// The conn that a method was called on; without one, the colon was forgotten.
static nj_connection *check_self(lua_State *L, nj_vm *vm, const char *method) {
    nj_connection *connection = nj_connection_at(L, vm, 1);
    if (connection == NULL) {
        nj_raise(L, NJ_RUNTIME, "conn.%s was called without a conn: write conn:%s(...)", method, method);
    }
    if (vm->phase != NJ_PHASE_RUN) nj_raise_phase(L, vm, lua_pushfstring(L, "conn:%s", method));
    return connection;
}

static int closed(lua_State *L) {
    lua_pushnil(L);
    lua_pushliteral(L, "closed");
    return 2;
}

// MARK: Methods

// Makes room in the outbox and asks the host; what it cannot tell before the effects are applied, it is asked again.
static nj_verdict ask_to_send(lua_State *L, nj_vm *vm, uint64_t id, const nj_message *message) {
    nj_outbox_reserve(L, vm, message->length, 0, message->key_length);
    const nj_host *host = &vm->host;
    nj_verdict verdict = host->send(host->context, id, message->length, message->key, message->key_length);
    if (verdict != NJ_UNSETTLED) return verdict;
    host->apply_effects(host->context);
    // Applying gave the room in the outbox back.
    nj_outbox_reserve(L, vm, message->length, 0, message->key_length);
    return host->send(host->context, id, message->length, message->key, message->key_length);
}

// Through the outbox.
static int send_later(lua_State *L, nj_vm *vm, uint64_t id, const nj_message *message) {
    switch (ask_to_send(L, vm, id, message)) {
    case NJ_CLOSED:
        return closed(L);
    case NJ_UNSETTLED:
    case NJ_OVERFLOW:
        lua_pushnil(L);
        lua_pushliteral(L, "overflow");
        return 2;
    case NJ_ACCEPTED:
        break;
    }
    nj_effect effect = {
        .kind = NJ_EFFECT_SEND,
        .is_text = message->is_text,
        .compress = message->compress,
        .key = message->key,
        .key_length = message->key_length,
        .id = id,
        .bytes = message->bytes,
        .length = message->length,
    };
    nj_outbox_append(vm, &effect);
    lua_pushboolean(L, 1);
    return 1;
}

// conn:send(data [, kind | options])
static int send_message(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    nj_connection *connection = check_self(L, vm, "send");
    nj_message message = nj_message_read(L, 2, "conn:send", NJ_TO_ONE);
    // Straight into the connection's output: the way through the outbox would copy it once more.
    bool is_sent = message.key_length == 0 && nj_outbox_is_empty(vm) &&
                   vm->host.send_now(vm->host.context, connection->id, message.bytes, message.length,
                                     message.is_text, message.compress);
    if (!is_sent) return send_later(L, vm, connection->id, &message);
    lua_pushboolean(L, 1);
    return 1;
}

// RFC 6455, section 7.4: 1005, 1006 and 1015 are never on the wire, 1004 and the rest up to 2999 have no meaning yet.
static bool may_send_code(lua_Integer code) {
    if (code >= 3000 && code <= 4999) return true;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}

#define LONGEST_REASON 123

nj_ending nj_ending_read(lua_State *L, int index, const char *function) {
    lua_Integer code = 1000;
    if (!lua_isnoneornil(L, index)) {
        int is_integer = lua_type(L, index) == LUA_TNUMBER;
        if (is_integer) code = lua_tointegerx(L, index, &is_integer);
        if (!is_integer) {
            const char *what = lua_type(L, index) == LUA_TNUMBER ? lua_tostring(L, index) : nj_kind_of(L, index);
            nj_raise(L, NJ_RUNTIME, "%s: code must be a whole number such as 1000 or 4000, not %s", function, what);
        }
    }
    if (!lua_isnoneornil(L, index + 1) && lua_type(L, index + 1) != LUA_TSTRING) {
        nj_raise(L, NJ_RUNTIME, "%s: reason must be a string, not %s", function, nj_kind_of(L, index + 1));
    }
    if (!may_send_code(code)) {
        nj_raise(L, NJ_RUNTIME,
                 "%s: %lld is no code to close with: 1000 to 1014 but 1004, 1005 and 1006, or 3000 to 4999", function,
                 (long long)code);
    }
    nj_ending ending = {.code = (uint16_t)code};
    ending.reason = luaL_optlstring(L, index + 1, "", &ending.length);
    size_t error = nj_utf8_error(ending.reason, ending.length);
    if (error > 0) nj_raise(L, NJ_RUNTIME, "%s: the reason must be UTF-8, and byte %zu is not", function, error);
    ending.length = nj_utf8_cut(ending.reason, ending.length, LONGEST_REASON);
    return ending;
}

// conn:close([code [, reason]])
static int close_connection(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    nj_connection *connection = check_self(L, vm, "close");
    nj_ending ending = nj_ending_read(L, 2, "conn:close");
    nj_outbox_reserve(L, vm, ending.length, 0, 0);
    if (!vm->host.close(vm->host.context, connection->id)) return closed(L);
    nj_effect effect = {
        .kind = NJ_EFFECT_CLOSE,
        .code = ending.code,
        .id = connection->id,
        .bytes = ending.reason,
        .length = ending.length,
    };
    nj_outbox_append(vm, &effect);
    lua_pushboolean(L, 1);
    return 1;
}

// conn:receive([timeout])
static int receive(lua_State *L) {
    return nj_task_receive(L, check_self(L, nj_vm_of(L), "receive")->id);
}

// conn:join(name)
static int join(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    return nj_room_join(L, vm, check_self(L, vm, "join")->id);
}

// conn:leave(name)
static int leave(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    return nj_room_leave(L, vm, check_self(L, vm, "leave")->id);
}

// MARK: Fields

// Pushes a value of the request, which is made at the first use and then kept.
static void push_request_field(lua_State *L, nj_vm *vm) {
    if (lua_getiuservalue(L, 1, NJ_CONNECTION_REQUEST) == LUA_TNIL) {
        lua_pop(L, 1);
        nj_request_push(L, vm, 1);
    }
    if (lua_isnil(L, -1)) return;
    lua_pushvalue(L, 2);
    lua_rawget(L, -2);
}

static int push_field(lua_State *L, nj_vm *vm, const nj_connection *connection, enum field field) {
    switch (field) {
    case FIELD_NONE:
        lua_pushnil(L);
        break;
    case FIELD_ID:
        lua_pushlstring(L, connection->public_id, sizeof connection->public_id);
        break;
    case FIELD_STATE:
        nj_connection_push_state(L, vm, 1);
        break;
    case FIELD_REQUEST:
        push_request_field(L, vm);
        break;
    case FIELD_PROTOCOL:
        push_request_field(L, vm);
        lua_getiuservalue(L, 1, NJ_CONNECTION_PROTOCOL);
        break;
    case FIELD_BUFFERED:
        lua_pushinteger(L, (lua_Integer)vm->host.buffered(vm->host.context, connection->id));
        break;
    case FIELD_OPEN:
        lua_pushboolean(L, vm->host.is_open(vm->host.context, connection->id));
        break;
    case FIELD_ROOMS:
        nj_room_push_names(L, vm, connection->id);
        break;
    }
    return 1;
}

static int refuse_field(lua_State *L, const char *advice) {
    if (lua_type(L, 2) != LUA_TSTRING) {
        return nj_raise(L, NJ_RUNTIME, "a conn has no field of type %s%s", luaL_typename(L, 2), advice);
    }
    char text[256];
    size_t length;
    const char *name = lua_tolstring(L, 2, &length);
    nj_names_explain(names, name, length, "field of conn:", advice, text, sizeof text);
    return nj_raise(L, NJ_RUNTIME, "%s", text);
}

// Upvalue: the table of methods and field numbers.
static int index_field(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    lua_pushvalue(L, 2);
    switch (lua_rawget(L, lua_upvalueindex(1))) {
    case LUA_TFUNCTION:
        return 1;
    case LUA_TNUMBER: {
        const nj_connection *connection = nj_connection_at(L, vm, 1);
        if (connection == NULL) return nj_raise(L, NJ_RUNTIME, "this is no conn");
        return push_field(L, vm, connection, (enum field)lua_tointeger(L, -1));
    }
    default:
        return refuse_field(L, ": use conn.state for the script's own data");
    }
}

static int set_field(lua_State *L) {
    char quoted[NJ_QUOTED_CAPACITY];
    size_t length;
    const char *name = luaL_typename(L, 2);
    if (lua_type(L, 2) == LUA_TSTRING) {
        name = lua_tolstring(L, 2, &length);
    } else {
        length = strlen(name);
    }
    if (!nj_names_equal(name, length, "state")) {
        return nj_raise(L, NJ_RUNTIME, "conn.%s cannot be set: use conn.state for the script's own data",
                        nj_names_quote(name, length, quoted));
    }
    if (!lua_istable(L, 3)) return nj_raise(L, NJ_RUNTIME, "conn.state must be a table, not %s", luaL_typename(L, 3));
    lua_settop(L, 3);
    lua_setiuservalue(L, 1, NJ_CONNECTION_STATE);
    return 0;
}

static int to_string(lua_State *L) {
    const nj_connection *connection = nj_connection_at(L, nj_vm_of(L), 1);
    if (connection == NULL) return nj_raise(L, NJ_RUNTIME, "this is no conn");
    lua_pushliteral(L, "conn ");
    lua_pushlstring(L, connection->public_id, sizeof connection->public_id);
    lua_concat(L, 2);
    return 1;
}

void nj_connection_open(lua_State *L) {
    static const luaL_Reg methods[] = {
        {"close", close_connection}, {"join", join},         {"leave", leave},
        {"receive", receive},        {"send", send_message}, {NULL, NULL},
    };
    static const luaL_Reg events[] = {{"__newindex", set_field}, {"__tostring", to_string}, {NULL, NULL}};
    nj_vm *vm = nj_vm_of(L);
    luaL_newlib(L, events);
    lua_pushliteral(L, "conn");
    lua_setfield(L, -2, "__name");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    luaL_newlib(L, methods);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        lua_pushinteger(L, fields[i].field);
        lua_setfield(L, -2, fields[i].name);
    }
    lua_pushcclosure(L, index_field, 1);
    lua_setfield(L, -2, "__index");
    vm->connection_metatable = lua_topointer(L, -1);
    vm->connection_metatable_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    vm->connections_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
