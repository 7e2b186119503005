//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// What send and broadcast accept: data, then a kind or a table of options.

#include "runtime.h"

#include <string.h>

static const nj_name send_options[] = {
    {"kind", NJ_KNOWN}, {"key", NJ_KNOWN}, {"compress", NJ_KNOWN}, {NULL, NJ_KNOWN},
};
static const nj_name room_options[] = {
    {"kind", NJ_KNOWN}, {"except", NJ_KNOWN}, {"key", NJ_KNOWN}, {"compress", NJ_KNOWN}, {NULL, NJ_KNOWN},
};
static const nj_name route_options[] = {
    {"kind", NJ_KNOWN}, {"except", NJ_KNOWN}, {"key", NJ_KNOWN}, {"compress", NJ_KNOWN}, {"rooms", NJ_KNOWN},
    {NULL, NJ_KNOWN},
};
static const nj_name *const options[] = {
    [NJ_TO_ONE] = send_options, [NJ_TO_ROOM] = room_options, [NJ_TO_ROUTE] = route_options,
};

// Whether the string at `index` names text; raises when it names no kind.
static bool read_kind(lua_State *L, int index, const char *function) {
    size_t length;
    const char *kind = lua_tolstring(L, index, &length);
    const nj_vm *vm = nj_vm_of(L);
    if (kind == vm->text) return true;
    if (kind == vm->binary) return false;
    char quoted[NJ_QUOTED_CAPACITY];
    return nj_raise(L, NJ_RUNTIME, "%s: kind must be \"text\" or \"binary\", not \"%s\"", function,
                    nj_names_quote(kind, length, quoted));
}

static int refuse_kind(lua_State *L, int index, const char *function) {
    return nj_raise(L, NJ_RUNTIME, "%s: kind must be \"text\" or \"binary\", not a %s", function,
                    luaL_typename(L, index));
}

// The bytes of the conflation key at the top; they stay with the table of options that holds the string. Uses 3 slots.
static void read_key(lua_State *L, const char *function, nj_message *message) {
    if (lua_type(L, -1) != LUA_TSTRING) {
        nj_raise(L, NJ_RUNTIME, "%s: key must be a string, not %s", function, luaL_typename(L, -1));
    }
    message->key = lua_tolstring(L, -1, &message->key_length);
    if (message->key_length < 1 || message->key_length > NJ_LONGEST_KEY) {
        nj_raise(L, NJ_RUNTIME, "%s: key must have 1 to %d bytes, not %zu", function, NJ_LONGEST_KEY,
                 message->key_length);
    }
}

// The index of the option's value, which is left at the top; 0, and nothing left, when there is none. Uses 2 slots.
static int keep_option(lua_State *L, int index, const char *name) {
    lua_pushstring(L, name);
    if (lua_rawget(L, index) != LUA_TNIL) return lua_gettop(L);
    lua_pop(L, 1);
    return 0;
}

// Uses 4 slots, and leaves the values of `except` and `rooms` at the top if they are there.
static void read_options(lua_State *L, int index, const char *function, nj_addressing addressing,
                         nj_message *message) {
    const char *name;
    lua_pushnil(L);
    while ((name = nj_options_next(L, index, function, options[addressing])) != NULL) {
        if (strcmp(name, "kind") == 0) {
            if (lua_type(L, -1) != LUA_TSTRING) refuse_kind(L, -1, function);
            message->is_text = read_kind(L, lua_gettop(L), function);
        } else if (strcmp(name, "key") == 0) {
            read_key(L, function, message);
        } else if (strcmp(name, "compress") == 0) {
            if (lua_type(L, -1) != LUA_TBOOLEAN) {
                nj_raise(L, NJ_RUNTIME, "%s: compress must be true or false, not a %s", function,
                         luaL_typename(L, -1));
            }
            message->compress = lua_toboolean(L, -1);
        }
        lua_pop(L, 1);
    }
    if (addressing != NJ_TO_ONE) message->except = keep_option(L, index, "except");
    if (addressing == NJ_TO_ROUTE) message->rooms = keep_option(L, index, "rooms");
}

// The JSON text of the table at `index`, in the VM's scratch.
static void encode_table(lua_State *L, int index, const char *function, nj_message *message) {
    if (!message->is_text) {
        nj_raise(L, NJ_RUNTIME, "%s: a table is sent as JSON, which is text: leave \"binary\" away", function);
    }
    const nj_bytes *text = nj_json_write(L, nj_vm_of(L), index, function);
    message->bytes = (const char *)text->start;
    message->length = text->length;
}

nj_message nj_message_read(lua_State *L, int index, const char *function, nj_addressing addressing) {
    nj_message message = {.is_text = true, .compress = true};
    int type = lua_type(L, index);
    if (type != LUA_TSTRING && type != LUA_TTABLE) {
        nj_raise(L, NJ_RUNTIME, "%s: data must be a string or a table, not %s", function,
                 type == LUA_TNONE ? "missing" : nj_kind_of(L, index));
    }
    switch (lua_type(L, index + 1)) {
    case LUA_TSTRING:
        message.is_text = read_kind(L, index + 1, function);
        break;
    case LUA_TTABLE:
        read_options(L, index + 1, function, addressing, &message);
        break;
    case LUA_TNIL:
    case LUA_TNONE:
        break;
    default:
        refuse_kind(L, index + 1, function);
    }
    if (type == LUA_TTABLE) {
        encode_table(L, index, function, &message);
        return message;
    }
    message.bytes = lua_tolstring(L, index, &message.length);
    bool is_known = !message.is_text || message.bytes == nj_vm_of(L)->known_text;
    size_t error = is_known ? 0 : nj_utf8_error(message.bytes, message.length);
    if (error > 0) {
        nj_raise(L, NJ_RUNTIME, "%s: text must be UTF-8, and byte %zu is not; pass \"binary\" to send bytes", function,
                 error);
    }
    return message;
}
