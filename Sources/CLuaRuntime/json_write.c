//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Values to JSON (RFC 8259), in one pass, into a buffer that the VM keeps. No metamethod is called, so no script runs
// meanwhile; an object's fields come in the order of Lua's next.

#include "library.h"
#include "runtime.h"

#include <math.h>
#include <string.h>

typedef struct writer {
    lua_State *L;
    nj_vm *vm;
    nj_bytes *text;
    // What errors begin with.
    const char *function;
} writer;

static void write_value(writer *writer, const nj_path *path, int depth);

// MARK: Errors

static int refuse(writer *writer, const nj_path *path, const char *why) {
    char text[NJ_PATH_CAPACITY];
    nj_path_write(writer->L, path, text);
    return nj_raise(writer->L, NJ_RUNTIME, "%s: %s %s", writer->function, text, why);
}

static int refuse_kind(writer *writer, const nj_path *path, const char *kind) {
    char text[NJ_PATH_CAPACITY];
    nj_path_write(writer->L, path, text);
    const char *instead = strcmp(kind, "conn") == 0 ? "; write its id" : "";
    return nj_raise(writer->L, NJ_RUNTIME, "%s: %s is a %s, which JSON cannot hold%s", writer->function, text, kind,
                    instead);
}

static int refuse_key(writer *writer, const nj_path *path, const char *kind) {
    char text[NJ_PATH_CAPACITY];
    nj_path_write(writer->L, path, text);
    return nj_raise(writer->L, NJ_RUNTIME, "%s: %s has a %s as a key: objects have strings", writer->function, text, kind);
}

static int refuse_text(writer *writer, const nj_path *path, size_t byte) {
    char text[NJ_PATH_CAPACITY];
    nj_path_write(writer->L, path, text);
    return nj_raise(writer->L, NJ_RUNTIME, "%s: %s must be UTF-8, and byte %zu is not", writer->function, text, byte);
}

// MARK: Bytes

// Room for so many bytes at the end.
static char *reserve(writer *writer, size_t length) {
    if (length > NJ_LONGEST_STRING - writer->text->length) {
        nj_raise(writer->L, NJ_RUNTIME, "%s: the text is longer than %d bytes; write it in parts", writer->function,
                 (int)NJ_LONGEST_STRING);
    }
    if (!nj_bytes_reserve(writer->text, length)) nj_raise(writer->L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    return (char *)writer->text->start + writer->text->length;
}

static void append(writer *writer, const char *bytes, size_t length) {
    char *end = reserve(writer, length);
    if (length > 0) memcpy(end, bytes, length);
    writer->text->length += length;
}

static void append_byte(writer *writer, char byte) {
    *reserve(writer, 1) = byte;
    writer->text->length += 1;
}

static void append_escape(writer *writer, char c) {
    static const char hexadecimal[] = "0123456789abcdef";
    char escape[6] = {'\\', 0, '0', '0', hexadecimal[(c >> 4) & 1], hexadecimal[c & 15]};
    size_t length = 2;
    switch (c) {
    case '\b': escape[1] = 'b'; break;
    case '\f': escape[1] = 'f'; break;
    case '\n': escape[1] = 'n'; break;
    case '\r': escape[1] = 'r'; break;
    case '\t': escape[1] = 't'; break;
    case '"':
    case '\\': escape[1] = c; break;
    default: escape[1] = 'u'; length = 6;
    }
    append(writer, escape, length);
}

// Writes the string at the index.
static void write_string(writer *writer, int index, const nj_path *path) {
    size_t length;
    const char *next = lua_tolstring(writer->L, index, &length), *end = next + length;
    size_t error = nj_utf8_error(next, length);
    if (error > 0) refuse_text(writer, path, error);
    append_byte(writer, '"');
    while (true) {
        size_t plain = nj_json_plain_length(next, (size_t)(end - next));
        append(writer, next, plain);
        next += plain;
        if (next == end) break;
        append_escape(writer, *next);
        next += 1;
        nj_watch_look(writer->L, writer->vm);
    }
    append_byte(writer, '"');
}

// Writes the number at the top.
static void write_number(writer *writer, const nj_path *path) {
    char *text = reserve(writer, NJ_NUMBER_CAPACITY);
    if (lua_isinteger(writer->L, -1)) {
        writer->text->length += nj_number_write_integer(lua_tointeger(writer->L, -1), text);
        return;
    }
    double value = lua_tonumber(writer->L, -1);
    if (isnan(value)) refuse(writer, path, "is not a number (nan), which JSON cannot hold");
    if (isinf(value)) refuse(writer, path, "is infinite, which JSON cannot hold");
    writer->text->length += nj_number_write_float(value, text);
}

// MARK: Tables

#define MIXED_KEYS "has keys that fit neither a list (1, 2, 3 and so on) nor an object (strings)"

// Raises what keeps the table from being a list: other keys, or a gap.
static int refuse_list(writer *writer, int table, const nj_path *path) {
    lua_State *L = writer->L;
    bool has_outside = false;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        if (!lua_isinteger(L, -1)) return refuse(writer, path, MIXED_KEYS);
        has_outside = has_outside || lua_tointeger(L, -1) < 1;
    }
    if (has_outside) return refuse(writer, path, "has a number below 1 as a key: a list begins at 1");
    nj_path gap = {.parent = path, .position = 1};
    while (lua_rawgeti(L, table, gap.position) != LUA_TNIL) {
        lua_pop(L, 1);
        gap.position += 1;
        nj_watch_look(L, writer->vm);
    }
    return refuse(writer, &gap, "is nil inside a list: put ws.json.null there, or make the keys strings");
}

// The length of a table whose keys are all those from 1 to it, in whatever order; raises when they are not.
static lua_Integer check_list(writer *writer, int table, const nj_path *path) {
    lua_State *L = writer->L;
    lua_Unsigned length = lua_rawlen(L, table), count = 0;
    lua_pushnil(L);
    while (lua_next(L, table)) {
        lua_pop(L, 1);
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        if (key < 1 || (lua_Unsigned)key > length) refuse_list(writer, table, path);
        count += 1;
        nj_watch_look(L, writer->vm);
    }
    if (count < length) refuse_list(writer, table, path);
    return (lua_Integer)length;
}

// Stack: the first key and value. Keys that come in order, as those of most lists do, are looked at once.
static void write_list(writer *writer, int table, const nj_path *path, int depth) {
    lua_State *L = writer->L;
    nj_path element = {.parent = path, .position = 1};
    bool has_more = true;
    append_byte(writer, '[');
    while (has_more && lua_isinteger(L, -2) && lua_tointeger(L, -2) == element.position) {
        if (element.position > 1) append_byte(writer, ',');
        write_value(writer, &element, depth);
        lua_pop(L, 1);
        element.position += 1;
        has_more = lua_next(L, table);
    }
    if (has_more) {
        lua_pop(L, 2);
        lua_Integer length = check_list(writer, table, path);
        for (; element.position <= length; element.position++) {
            lua_rawgeti(L, table, element.position);
            if (element.position > 1) append_byte(writer, ',');
            write_value(writer, &element, depth);
            lua_pop(L, 1);
        }
    }
    append_byte(writer, ']');
}

// Stack: the first key and value.
static void write_object(writer *writer, int table, const nj_path *path, int depth) {
    lua_State *L = writer->L;
    int key = lua_gettop(L) - 1;
    nj_path field = {.parent = path, .key = key};
    char separator = '{';
    do {
        if (lua_type(L, key) != LUA_TSTRING) {
            if (lua_type(L, key) == LUA_TNUMBER) refuse(writer, path, MIXED_KEYS);
            refuse_key(writer, path, nj_kind_of(L, key));
        }
        append_byte(writer, separator);
        write_string(writer, key, &field);
        append_byte(writer, ':');
        write_value(writer, &field, depth);
        lua_pop(L, 1);
        separator = ',';
    } while (lua_next(L, table));
    append_byte(writer, '}');
}

// Writes the table at the top.
static void write_table(writer *writer, const nj_path *path, int depth) {
    lua_State *L = writer->L;
    if (depth == NJ_DEEPEST_TABLE) refuse(writer, path, "is a table inside of 100 others, or of itself: no more are written");
    luaL_checkstack(L, 8, NULL);
    int table = lua_gettop(L);
    bool is_array = nj_json_is_array(L, writer->vm, table);
    lua_pushnil(L);
    if (!lua_next(L, table)) {
        append(writer, is_array ? "[]" : "{}", 2);
    } else if (is_array || lua_type(L, -2) == LUA_TNUMBER) {
        write_list(writer, table, path, depth + 1);
    } else {
        write_object(writer, table, path, depth + 1);
    }
}

// Writes the value at the top and leaves it there. `depth` tables are around it.
static void write_value(writer *writer, const nj_path *path, int depth) {
    lua_State *L = writer->L;
    nj_watch_look(L, writer->vm);
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        write_string(writer, -1, path);
        break;
    case LUA_TNUMBER:
        write_number(writer, path);
        break;
    case LUA_TBOOLEAN:
        if (lua_toboolean(L, -1)) append(writer, "true", 4);
        else append(writer, "false", 5);
        break;
    case LUA_TTABLE:
        write_table(writer, path, depth);
        break;
    case LUA_TNIL:
        refuse(writer, path, "is nil: ws.json.null stands for null");
        break;
    default:
        if (!nj_json_is_null(L, writer->vm, -1)) refuse_kind(writer, path, nj_kind_of(L, -1));
        append(writer, "null", 4);
    }
}

// MARK: The functions

nj_bytes *nj_json_write(lua_State *L, nj_vm *vm, int index, const char *function) {
    writer writer = {.L = L, .vm = vm, .text = &vm->scratch, .function = function};
    nj_path root = {.root = "data"};
    nj_bytes_empty(writer.text, NJ_OUTBOX_KEPT);
    luaL_checkstack(L, 8, NULL);
    lua_pushvalue(L, index);
    write_value(&writer, &root, 0);
    lua_pop(L, 1);
    return writer.text;
}

void nj_json_push(lua_State *L, nj_vm *vm, int index, const char *function) {
    const nj_bytes *text = nj_json_write(L, vm, index, function);
    lua_pushlstring(L, (const char *)text->start, text->length);
}

int nj_json_encode(lua_State *L) {
    if (lua_gettop(L) == 0) return nj_raise(L, NJ_RUNTIME, "ws.json.encode: data is missing");
    if (lua_gettop(L) > 1) return nj_raise(L, NJ_RUNTIME, "ws.json.encode takes one value, not %d", lua_gettop(L));
    nj_json_push(L, nj_vm_of(L), 1, "ws.json.encode");
    return 1;
}
