//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// JSON to values (RFC 8259), in one pass over bytes that come from clients: whatever they are, it ends soon, and says at
// which byte they stop being JSON.

#include "library.h"

#include <string.h>

typedef struct reader {
    lua_State *L;
    nj_vm *vm;
    const char *next, *end;
    // Why the byte at `next` is wrong, once something is.
    const char *why;
    // Whether objects keep null as ws.json.null.
    bool keeps_nulls;
} reader;

static bool read_value(reader *reader, int depth);

// MARK: Errors

static bool fail_at(reader *reader, const char *place, const char *why) {
    reader->next = place;
    reader->why = place == reader->end ? "the text ends too early" : why;
    return false;
}

static bool fail(reader *reader, const char *why) { return fail_at(reader, reader->next, why); }

// MARK: Words

static void skip_space(reader *reader) {
    const char *next = reader->next;
    while (next < reader->end && (*next == ' ' || *next == '\n' || *next == '\r' || *next == '\t')) next += 1;
    reader->next = next;
}

static bool take(reader *reader, char c) {
    if (reader->next == reader->end || *reader->next != c) return false;
    reader->next += 1;
    return true;
}

static bool take_word(reader *reader, const char *word) {
    for (; *word != '\0'; word++) {
        if (!take(reader, *word)) return fail(reader, "no such word: JSON has true, false and null");
    }
    return true;
}

// MARK: Strings

#define LOW_BITS UINT64_C(0x0101010101010101)
#define HIGH_BITS UINT64_C(0x8080808080808080)

// Whether one of the eight bytes is a quote, a backslash or a control character.
static bool has_special(uint64_t word) {
    uint64_t quote = word ^ (LOW_BITS * '"'), backslash = word ^ (LOW_BITS * '\\');
    uint64_t found = ((quote - LOW_BITS) & ~quote) | ((backslash - LOW_BITS) & ~backslash);
    return ((found | ((word - LOW_BITS * ' ') & ~word)) & HIGH_BITS) != 0;
}

size_t nj_json_plain_length(const char *text, size_t length) {
    size_t i = 0;
    for (uint64_t word; length - i >= sizeof word; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        if (has_special(word)) break;
    }
    while (i < length && (unsigned char)text[i] >= ' ' && text[i] != '"' && text[i] != '\\') i += 1;
    return i;
}

// Passes over a stretch of characters that stand for themselves.
static bool read_plain(reader *reader, size_t *length) {
    *length = nj_json_plain_length(reader->next, (size_t)(reader->end - reader->next));
    size_t error = nj_utf8_error(reader->next, *length);
    if (error > 0) return fail_at(reader, reader->next + error - 1, "this byte is not UTF-8");
    reader->next += *length;
    return true;
}

// Reads four hexadecimal digits.
static bool read_unit(reader *reader, uint32_t *unit) {
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        char c = reader->next < reader->end ? *reader->next : '\0';
        uint32_t digit;
        if (c >= '0' && c <= '9') digit = (uint32_t)(c - '0');
        else if (c >= 'a' && c <= 'f') digit = (uint32_t)(c - 'a') + 10;
        else if (c >= 'A' && c <= 'F') digit = (uint32_t)(c - 'A') + 10;
        else return fail(reader, "four hexadecimal digits were expected");
        *unit = *unit << 4 | digit;
        reader->next += 1;
    }
    return true;
}

static size_t encode_utf8(uint32_t character, char *text) {
    if (character < 0x80) {
        text[0] = (char)character;
        return 1;
    }
    size_t count = character < 0x800 ? 2 : character < 0x10000 ? 3 : 4;
    for (size_t i = count - 1; i > 0; i--) {
        text[i] = (char)(0x80 | (character & 0x3F));
        character >>= 6;
    }
    text[0] = (char)(((0xF00 >> count) & 0xFF) | character);
    return count;
}

// Reads what follows "\u", and a second such escape when the first is half of a pair.
static bool read_unicode(reader *reader, const char *escape, char *text, size_t *length) {
    static const char lone[] = "a surrogate without its other half";
    uint32_t character, low;
    if (!read_unit(reader, &character)) return false;
    if (character >= 0xDC00 && character <= 0xDFFF) return fail_at(reader, escape, lone);
    if (character >= 0xD800 && character <= 0xDBFF) {
        if (!take(reader, '\\') || !take(reader, 'u')) return fail_at(reader, escape, lone);
        if (!read_unit(reader, &low)) return false;
        if (low < 0xDC00 || low > 0xDFFF) return fail_at(reader, escape, lone);
        character = 0x10000 + ((character - 0xD800) << 10 | (low - 0xDC00));
    }
    *length = encode_utf8(character, text);
    return true;
}

// Reads what follows a backslash into `text`, which has room for a character.
static bool read_escape(reader *reader, char *text, size_t *length) {
    const char *escape = reader->next - 1;
    if (reader->next == reader->end) return fail(reader, NULL);
    *length = 1;
    switch (*reader->next) {
    case '"':
    case '\\':
    case '/': text[0] = *reader->next; break;
    case 'b': text[0] = '\b'; break;
    case 'f': text[0] = '\f'; break;
    case 'n': text[0] = '\n'; break;
    case 'r': text[0] = '\r'; break;
    case 't': text[0] = '\t'; break;
    case 'u': reader->next += 1; return read_unicode(reader, escape, text, length);
    default: return fail(reader, "no such escape");
    }
    reader->next += 1;
    return true;
}

// The rest of a string that has escapes, behind the stretch at `start`: put together in the VM's buffer.
static bool read_escaped(reader *reader, const char *start, size_t length) {
    nj_bytes *text = &reader->vm->scratch;
    nj_bytes_empty(text, NJ_OUTBOX_KEPT);
    nj_bytes_append(text, start, length);
    while (!take(reader, '"')) {
        char character[4];
        if (!take(reader, '\\')) return fail(reader, "control characters must be escaped");
        if (!read_escape(reader, character, &length)) return false;
        nj_bytes_append(text, character, length);
        start = reader->next;
        if (!read_plain(reader, &length)) return false;
        nj_bytes_append(text, start, length);
        nj_watch_look(reader->L, reader->vm);
    }
    if (text->failed) nj_raise(reader->L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    lua_pushlstring(reader->L, (const char *)text->start, text->length);
    return true;
}

// Reads and pushes a string; its first quote has been taken.
static bool read_string(reader *reader) {
    const char *start = reader->next;
    size_t length;
    if (!read_plain(reader, &length)) return false;
    if (!take(reader, '"')) return read_escaped(reader, start, length);
    lua_pushlstring(reader->L, start, length);
    return true;
}

// MARK: Numbers

static bool read_number(reader *reader) {
    nj_number number;
    reader->next = nj_number_read(reader->next, reader->end, &number);
    if (number.why != NULL) return fail(reader, number.why);
    if (number.is_integer) lua_pushinteger(reader->L, number.integer);
    else lua_pushnumber(reader->L, number.real);
    return true;
}

// MARK: Tables

static bool enter(reader *reader, int depth) {
    if (depth == NJ_DEEPEST_TABLE) {
        reader->next -= 1;
        return fail(reader, "nested deeper than 100");
    }
    luaL_checkstack(reader->L, 8, NULL);
    lua_newtable(reader->L);
    return true;
}

// Its bracket has been taken.
static bool read_array(reader *reader, int depth) {
    lua_State *L = reader->L;
    if (!enter(reader, depth)) return false;
    nj_json_mark(L, reader->vm);
    skip_space(reader);
    if (take(reader, ']')) return true;
    for (lua_Integer position = 1;; position++) {
        if (!read_value(reader, depth + 1)) return false;
        lua_rawseti(L, -2, position);
        skip_space(reader);
        if (take(reader, ']')) return true;
        if (!take(reader, ',')) return fail(reader, "',' or ']' was expected");
        skip_space(reader);
    }
}

// Its brace has been taken. Of a key that comes again the last value stays.
static bool read_object(reader *reader, int depth) {
    lua_State *L = reader->L;
    if (!enter(reader, depth)) return false;
    skip_space(reader);
    if (take(reader, '}')) return true;
    while (true) {
        if (!take(reader, '"')) return fail(reader, "a key in double quotes was expected");
        if (!read_string(reader)) return false;
        skip_space(reader);
        if (!take(reader, ':')) return fail(reader, "':' was expected");
        skip_space(reader);
        if (!read_value(reader, depth + 1)) return false;
        if (!reader->keeps_nulls && nj_json_is_null(L, reader->vm, -1)) {
            lua_pop(L, 1);
            lua_pushnil(L);
        }
        lua_rawset(L, -3);
        skip_space(reader);
        if (take(reader, '}')) return true;
        if (!take(reader, ',')) return fail(reader, "',' or '}' was expected");
        skip_space(reader);
    }
}

// Reads and pushes a value. `depth` arrays and objects are around it.
static bool read_value(reader *reader, int depth) {
    lua_State *L = reader->L;
    nj_watch_look(L, reader->vm);
    if (reader->next == reader->end) return fail(reader, NULL);
    switch (*reader->next) {
    case '"': reader->next += 1; return read_string(reader);
    case '[': reader->next += 1; return read_array(reader, depth);
    case '{': reader->next += 1; return read_object(reader, depth);
    case 't':
        lua_pushboolean(L, 1);
        return take_word(reader, "true");
    case 'f':
        lua_pushboolean(L, 0);
        return take_word(reader, "false");
    case 'n':
        lua_rawgeti(L, LUA_REGISTRYINDEX, reader->vm->json_null_ref);
        return take_word(reader, "null");
    case '-':
    case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return read_number(reader);
    default: return fail(reader, "a value was expected");
    }
}

// MARK: The functions

_Static_assert(NJ_LONGEST_STRING == 8388608, "the sentence says so");

// Reads and pushes the value of the whole text.
static bool read_text(reader *reader) {
    int top = lua_gettop(reader->L);
    if ((size_t)(reader->end - reader->next) > NJ_LONGEST_STRING) {
        reader->next += NJ_LONGEST_STRING;
        return fail(reader, "the text is longer than 8388608 bytes");
    }
    luaL_checkstack(reader->L, 8, NULL);
    skip_space(reader);
    bool is_read = read_value(reader, 0);
    if (is_read) {
        skip_space(reader);
        if (reader->next == reader->end) return true;
        fail(reader, "there is more behind the value");
    }
    lua_settop(reader->L, top);
    return false;
}

bool nj_json_read(lua_State *L, nj_vm *vm, const char *text, size_t length, size_t *error_byte, const char **why) {
    reader reader = {.L = L, .vm = vm, .next = text, .end = text + length};
    if (read_text(&reader)) return true;
    *error_byte = (size_t)(reader.next - text) + 1;
    *why = reader.why;
    return false;
}

static const nj_name options[] = {{"nulls", NJ_KNOWN}, {NULL, NJ_KNOWN}};

static bool read_options(lua_State *L) {
    bool keeps_nulls = false;
    if (lua_isnoneornil(L, 2)) return false;
    nj_options_check(L, 2, "ws.json.decode");
    lua_pushnil(L);
    while (nj_options_next(L, 2, "ws.json.decode", options) != NULL) {
        if (!lua_isboolean(L, -1)) {
            nj_raise(L, NJ_RUNTIME, "ws.json.decode: nulls must be true or false, not a %s", nj_kind_of(L, -1));
        }
        keeps_nulls = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    return keeps_nulls;
}

// ws.json.decode(text [, options])
int nj_json_decode(lua_State *L) {
    size_t length;
    if (lua_type(L, 1) != LUA_TSTRING) {
        return nj_raise(L, NJ_RUNTIME, "ws.json.decode: text must be a string, not %s",
                        lua_isnone(L, 1) ? "missing" : nj_kind_of(L, 1));
    }
    const char *text = lua_tolstring(L, 1, &length);
    reader reader = {.L = L, .vm = nj_vm_of(L), .next = text, .end = text + length, .keeps_nulls = read_options(L)};
    if (read_text(&reader)) return 1;
    lua_pushnil(L);
    lua_pushstring(L, reader.why);
    lua_pushinteger(L, (lua_Integer)(reader.next - text) + 1);
    return 3;
}
