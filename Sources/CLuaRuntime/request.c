//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// req: an ordinary table, made from what the host appends to the answer, and kept with the connection once it was asked
// for.

#include "runtime.h"

#include <string.h>

static const char *const names[] = {
    [NJ_METHOD] = "method", [NJ_PATH] = "path",           [NJ_TARGET] = "target",  [NJ_IP] = "ip",
    [NJ_HOST] = "host",     [NJ_SECURE] = "secure",       [NJ_PROTOCOL] = "protocols", [NJ_SUBPROTOCOL] = NULL,
    [NJ_PARAM] = "params",  [NJ_QUERY] = "query",         [NJ_HEADER] = "headers", [NJ_COOKIE] = "cookies",
};

static const nj_field lists[] = {NJ_PROTOCOL, NJ_PARAM, NJ_QUERY, NJ_HEADER, NJ_COOKIE};

// Adds a pair to the list at the top; of duplicates the first counts. Stack: list.
static void add_pair(lua_State *L, const char *name, size_t name_length, const char *value, size_t value_length) {
    lua_pushlstring(L, name, name_length);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TNIL) {
        lua_pop(L, 2);
        return;
    }
    lua_pop(L, 1);
    lua_pushlstring(L, value, value_length);
    lua_rawset(L, -3);
}

// Adds one field to the request at the top. `owner` is the index of the conn, 0 without one.
static void add_field(lua_State *L, int owner, nj_field field, const char *name, size_t name_length, const char *value,
                      size_t value_length) {
    if (field == NJ_SUBPROTOCOL) {
        if (owner == 0) return;
        lua_pushlstring(L, value, value_length);
        lua_setiuservalue(L, owner, NJ_CONNECTION_PROTOCOL);
        return;
    }
    if (field < NJ_PROTOCOL) {
        if (field == NJ_SECURE) {
            lua_pushboolean(L, value_length > 0);
        } else {
            lua_pushlstring(L, value, value_length);
        }
        lua_setfield(L, -2, names[field]);
        return;
    }
    lua_getfield(L, -1, names[field]);
    if (field == NJ_PROTOCOL) {
        lua_pushlstring(L, value, value_length);
        lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
    } else {
        add_pair(L, name, name_length, value, value_length);
    }
    lua_pop(L, 1);
}

// Pushes the request that the host has appended to the answer.
static void push_answer(lua_State *L, nj_vm *vm, int owner) {
    const nj_bytes *bytes = &vm->answer.bytes;
    if (bytes->failed) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    lua_createtable(L, 0, NJ_COOKIE);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        lua_newtable(L);
        if (lists[i] == NJ_HEADER) {
            lua_rawgeti(L, LUA_REGISTRYINDEX, vm->headers_metatable_ref);
            lua_setmetatable(L, -2);
        }
        lua_setfield(L, -2, names[lists[i]]);
    }
    size_t head[3];
    for (size_t next = 0; next < bytes->length; next += sizeof head + head[1] + head[2]) {
        const char *start = (const char *)bytes->start + next;
        memcpy(head, start, sizeof head);
        const char *name = start + sizeof head;
        add_field(L, owner, (nj_field)head[0], name, head[1], name + head[1], head[2]);
    }
}

void nj_request_push(lua_State *L, nj_vm *vm, int index) {
    const nj_connection *connection = lua_touserdata(L, index);
    nj_bytes_empty(&vm->answer.bytes, NJ_OUTBOX_KEPT);
    if (!vm->host.request(vm->host.context, connection->id, &vm->answer)) {
        lua_pushnil(L);
        return;
    }
    push_answer(L, vm, index);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, index, NJ_CONNECTION_REQUEST);
}

void nj_request_push_pending(lua_State *L, nj_vm *vm, const nj_event *event) {
    nj_bytes_empty(&vm->answer.bytes, NJ_OUTBOX_KEPT);
    if (!vm->host.pending_request(vm->host.context, event->token, &vm->answer)) {
        lua_pushnil(L);
        return;
    }
    push_answer(L, vm, 0);
    if (event->kind != NJ_EVENT_REQUEST) return;
    lua_pushlstring(L, event->length > 0 ? event->bytes : "", event->length);
    lua_setfield(L, -2, "body");
}

// headers.Name: the names are lower-case, and asking for one ignores case.
static int index_header(lua_State *L) {
    size_t length;
    const char *name = lua_tolstring(L, 2, &length);
    if (lua_type(L, 2) != LUA_TSTRING) return 0;
    luaL_Buffer lower;
    char *start = luaL_buffinitsize(L, &lower, length);
    for (size_t i = 0; i < length; i++) {
        start[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + ('a' - 'A')) : name[i];
    }
    luaL_pushresultsize(&lower, length);
    lua_rawget(L, 1);
    return 1;
}

void nj_request_open(lua_State *L) {
    lua_createtable(L, 0, 2);
    lua_pushcfunction(L, index_header);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    nj_vm_of(L)->headers_metatable_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
