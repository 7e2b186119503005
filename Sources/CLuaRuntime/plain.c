//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Plain data as bytes: what outlives a version of the script, or goes from one VM to another. Values without behaviour, and
// tables of them that form a tree. No metamethod is called, so no script runs meanwhile. The bytes never leave the
// process, and only what is written here is read here.

#include "runtime.h"

#include <stdio.h>
#include <string.h>

typedef enum tag {
    TAG_NIL, TAG_FALSE, TAG_TRUE, TAG_INTEGER, TAG_FLOAT, TAG_STRING, TAG_NULL, TAG_CONNECTION, TAG_ROOM, TAG_TABLE,
    TAG_ARRAY
} tag;

// Behind the tag of a table, before its keys and values: how many there are.
typedef struct table_head {
    uint32_t list, others;
} table_head;

typedef struct walker {
    lua_State *L;
    nj_vm *vm;
    // NULL to look only.
    nj_bytes *bytes;
    unsigned allowed;
    // Where on the stack the table of the tables seen so far is, or nil until a second one is met.
    int root, seen;
    // How many values are looked at before the rest is taken for granted.
    size_t patience;
    char *why;
} walker;

static bool walk(walker *walker, const nj_path *path, int depth);

// MARK: Refusing

static bool refuse(walker *walker, const nj_path *path, const char *what, const char *advice) {
    char place[NJ_PATH_CAPACITY];
    nj_path_write(walker->L, path, place);
    snprintf(walker->why, NJ_PLAIN_WHY_CAPACITY, "%s: %s cannot be kept; %s", place, what, advice);
    return false;
}

static bool refuse_kind(walker *walker, const nj_path *path, const char *kind) {
    char what[64];
    snprintf(what, sizeof what, "a %s", kind);
    if (nj_connection_at(walker->L, walker->vm, -1) != NULL) return refuse(walker, path, what, "keep its id");
    if (nj_room_at(walker->L, walker->vm, -1) != NULL) return refuse(walker, path, what, "keep its name");
    return refuse(walker, path, what, "put it into a variable of the script");
}

static bool refuse_key(walker *walker, const nj_path *path, const char *kind) {
    char what[64];
    snprintf(what, sizeof what, "a table with a %s as a key", kind);
    bool has_conns = walker->allowed & NJ_PLAIN_CONNS;
    return refuse(walker, path, what, has_conns ? "keys are strings, numbers and conns" : "keys are strings and numbers");
}

// MARK: Writing

static void append(walker *walker, tag tag, const void *payload, size_t length) {
    if (walker->bytes == NULL) return;
    uint8_t byte = (uint8_t)tag;
    nj_bytes_append(walker->bytes, &byte, 1);
    nj_bytes_append(walker->bytes, payload, length);
}

// Appends the string at the top.
static void append_string(walker *walker) {
    size_t length;
    const char *text = lua_tolstring(walker->L, -1, &length);
    append(walker, TAG_STRING, &length, sizeof length);
    if (walker->bytes != NULL) nj_bytes_append(walker->bytes, text, length);
}

// Appends the number at the top.
static void append_number(walker *walker) {
    if (lua_isinteger(walker->L, -1)) {
        lua_Integer integer = lua_tointeger(walker->L, -1);
        append(walker, TAG_INTEGER, &integer, sizeof integer);
    } else {
        lua_Number real = lua_tonumber(walker->L, -1);
        append(walker, TAG_FLOAT, &real, sizeof real);
    }
}

// Appends the conn at the top; false when there is none that may be kept.
static bool append_connection(walker *walker) {
    if (!(walker->allowed & NJ_PLAIN_CONNS)) return false;
    const nj_connection *connection = nj_connection_at(walker->L, walker->vm, -1);
    if (connection == NULL) return false;
    append(walker, TAG_CONNECTION, &connection->id, sizeof connection->id);
    return true;
}

// Appends the Room at the top; false when there is none that may be kept. As a key it would be equal to no other.
static bool append_room(walker *walker) {
    if (!(walker->allowed & NJ_PLAIN_ROOMS)) return false;
    const nj_room *room = nj_room_at(walker->L, walker->vm, -1);
    if (room == NULL) return false;
    append(walker, TAG_ROOM, room, sizeof *room + room->length + room->route_length);
    return true;
}

// Appends the key at `index`.
static bool walk_key(walker *walker, const nj_path *path, int index) {
    lua_State *L = walker->L;
    lua_pushvalue(L, index);
    bool is_kept = true;
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        append_string(walker);
        break;
    case LUA_TNUMBER:
        append_number(walker);
        break;
    default:
        is_kept = append_connection(walker) || refuse_key(walker, path, nj_kind_of(L, -1));
    }
    lua_pop(L, 1);
    return is_kept;
}

// Whether the table at `index` is met for the first time.
static bool is_new(walker *walker, int index) {
    lua_State *L = walker->L;
    if (lua_isnil(L, walker->seen)) {
        // Most values are one table.
        if (index == walker->root) return true;
        lua_newtable(L);
        lua_pushvalue(L, walker->root);
        lua_pushboolean(L, 1);
        lua_rawset(L, -3);
        lua_replace(L, walker->seen);
    }
    lua_pushvalue(L, index);
    bool is_known = lua_rawget(L, walker->seen) != LUA_TNIL;
    lua_pop(L, 1);
    if (is_known) return false;
    lua_pushvalue(L, index);
    lua_pushboolean(L, 1);
    lua_rawset(L, walker->seen);
    return true;
}

// Walks through the table at the top.
static bool walk_table(walker *walker, const nj_path *path, int depth) {
    lua_State *L = walker->L;
    if (depth == NJ_DEEPEST_TABLE) return refuse(walker, path, "a table inside of 100 others", "nest less");
    luaL_checkstack(L, 10, NULL);
    int table = lua_gettop(L);
    bool is_array = nj_json_is_array(L, walker->vm, table);
    if (!is_array && lua_getmetatable(L, table)) {
        lua_pop(L, 1);
        return refuse(walker, path, "a table with a metatable", "keep its fields, and set the metatable where they are used");
    }
    if (!is_new(walker, table)) {
        return refuse(walker, path, "a table that is reached twice (or from itself)",
                      "put what is shared into a variable of the script");
    }
    table_head head = {0, 0};
    size_t place = walker->bytes == NULL ? 0 : walker->bytes->length + 1;
    append(walker, is_array ? TAG_ARRAY : TAG_TABLE, &head, sizeof head);
    nj_path entry = {.parent = path, .key = table + 1};
    lua_Unsigned length = lua_rawlen(L, table);
    lua_pushnil(L);
    while (lua_next(L, table)) {
        // Of a key that is no integer this is 0, and so in no list.
        lua_Unsigned position = lua_isinteger(L, -2) ? (lua_Unsigned)lua_tointeger(L, -2) : 0;
        if (position - 1 < length) head.list += 1;
        else head.others += 1;
        if (!walk_key(walker, path, table + 1) || !walk(walker, &entry, depth + 1)) return false;
        lua_pop(L, 1);
    }
    if (walker->bytes != NULL && !walker->bytes->failed) memcpy(walker->bytes->start + place, &head, sizeof head);
    return true;
}

// Walks through the value at the top and leaves it there. `depth` tables are around it.
static bool walk(walker *walker, const nj_path *path, int depth) {
    lua_State *L = walker->L;
    nj_watch_look(L, walker->vm);
    if (walker->patience == 0) return true;
    walker->patience -= 1;
    switch (lua_type(L, -1)) {
    case LUA_TNIL:
        append(walker, TAG_NIL, NULL, 0);
        return true;
    case LUA_TBOOLEAN:
        append(walker, lua_toboolean(L, -1) ? TAG_TRUE : TAG_FALSE, NULL, 0);
        return true;
    case LUA_TNUMBER:
        append_number(walker);
        return true;
    case LUA_TSTRING:
        append_string(walker);
        return true;
    case LUA_TTABLE:
        return walk_table(walker, path, depth);
    default:
        if (nj_json_is_null(L, walker->vm, -1)) {
            append(walker, TAG_NULL, NULL, 0);
            return true;
        }
        return append_connection(walker) || append_room(walker) || refuse_kind(walker, path, nj_kind_of(L, -1));
    }
}

// Walks through the value at `index`. Leaves the stack as it was.
static bool walk_all(walker *walker, int index, const char *what, int seen) {
    lua_State *L = walker->L;
    nj_path root = {.root = what};
    int top = lua_gettop(L);
    index = lua_absindex(L, index);
    luaL_checkstack(L, 12, NULL);
    if (seen == 0) lua_pushnil(L);
    else lua_pushvalue(L, seen);
    walker->seen = lua_gettop(L);
    lua_pushvalue(L, index);
    walker->root = lua_gettop(L);
    bool is_plain = walk(walker, &root, 0);
    lua_settop(L, top);
    return is_plain;
}

void nj_plain_write(lua_State *L, nj_vm *vm, int index, nj_bytes *bytes, const char *what, unsigned allowed) {
    char why[NJ_PLAIN_WHY_CAPACITY];
    walker walker = {.L = L, .vm = vm, .bytes = bytes, .allowed = allowed, .patience = SIZE_MAX, .why = why};
    if (!walk_all(&walker, index, what, 0)) nj_raise(L, NJ_RUNTIME, "%s", why);
    if (bytes->failed) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
}

bool nj_plain_check(lua_State *L, nj_vm *vm, int index, const char *what, unsigned allowed, int seen, size_t patience,
                    char why[NJ_PLAIN_WHY_CAPACITY]) {
    walker walker = {.L = L, .vm = vm, .allowed = allowed, .patience = patience, .why = why};
    return walk_all(&walker, index, what, seen);
}

// MARK: Reading

typedef struct reader {
    lua_State *L;
    nj_vm *vm;
    const uint8_t *next;
} reader;

static void take(reader *reader, void *payload, size_t length) {
    memcpy(payload, reader->next, length);
    reader->next += length;
}

static void push_value(reader *reader);

static void push_table(reader *reader, bool is_array) {
    lua_State *L = reader->L;
    table_head head;
    take(reader, &head, sizeof head);
    luaL_checkstack(L, 8, NULL);
    lua_createtable(L, head.list > INT32_MAX ? 0 : (int)head.list, head.others > INT32_MAX ? 0 : (int)head.others);
    for (uint64_t rest = (uint64_t)head.list + head.others; rest > 0; rest--) {
        push_value(reader);
        push_value(reader);
        lua_rawset(L, -3);
    }
    if (is_array) nj_json_mark(L, reader->vm);
}

// Pushes the next value.
static void push_value(reader *reader) {
    lua_State *L = reader->L;
    nj_watch_look(L, reader->vm);
    tag tag = (enum tag)*reader->next;
    reader->next += 1;
    switch (tag) {
    case TAG_NIL: lua_pushnil(L); break;
    case TAG_FALSE: lua_pushboolean(L, 0); break;
    case TAG_TRUE: lua_pushboolean(L, 1); break;
    case TAG_INTEGER: {
        lua_Integer integer;
        take(reader, &integer, sizeof integer);
        lua_pushinteger(L, integer);
        break;
    }
    case TAG_FLOAT: {
        lua_Number real;
        take(reader, &real, sizeof real);
        lua_pushnumber(L, real);
        break;
    }
    case TAG_STRING: {
        size_t length;
        take(reader, &length, sizeof length);
        lua_pushlstring(L, (const char *)reader->next, length);
        reader->next += length;
        break;
    }
    case TAG_NULL: lua_rawgeti(L, LUA_REGISTRYINDEX, reader->vm->json_null_ref); break;
    case TAG_CONNECTION: {
        uint64_t id;
        take(reader, &id, sizeof id);
        nj_connection_push(L, reader->vm, id);
        break;
    }
    case TAG_ROOM: {
        nj_room head;
        take(reader, &head, sizeof head);
        const char *name = (const char *)reader->next;
        nj_room_push_of_route(L, reader->vm, name, head.length, name + head.length, head.route_length);
        reader->next += head.length + head.route_length;
        break;
    }
    case TAG_TABLE: push_table(reader, false); break;
    case TAG_ARRAY: push_table(reader, true); break;
    }
}

void nj_plain_push(lua_State *L, nj_vm *vm, const void *bytes, size_t length) {
    luaL_checkstack(L, 8, NULL);
    reader reader = {.L = L, .vm = vm, .next = bytes};
    if (length == 0) lua_pushnil(L);
    else push_value(&reader);
}
