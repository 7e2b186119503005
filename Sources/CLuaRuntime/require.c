//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// require, and the compiling of chunks: Lua text of the scripts folder only, found by the host, run once for each VM.

#include "runtime.h"

#include <string.h>

// Passes over what is no Lua and allowed at the start of a file, as Lua does for its own files: a byte order mark, and
// a first line that begins with '#', of which the end stays so that the lines keep their numbers.
static const char *text_of(const char *start, size_t *length) {
    const char *end = start + *length;
    if (end - start >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0) start += 3;
    if (start < end && *start == '#') {
        while (start < end && *start != '\n') start += 1;
    }
    *length = (size_t)(end - start);
    return start;
}

static int refuse_chunk(lua_State *L, nj_vm *vm, const nj_source *source, const char *why) {
    vm->raising = NJ_SYNTAX;
    lua_pushfstring(L, "%s: %s", source->name, why);
    return lua_error(L);
}

void nj_chunk_push(lua_State *L, nj_vm *vm, const nj_source *source) {
    size_t length = source->length;
    const char *text = text_of(source->bytes, &length);
    if (length > 0 && text[0] == LUA_SIGNATURE[0]) {
        refuse_chunk(L, vm, source, "attempt to load a binary chunk: scripts are Lua text");
    }
    lua_pushfstring(L, "@%s", source->name);
    int status = luaL_loadbufferx(L, text, length, lua_tostring(L, -1), "t");
    if (status == LUA_ERRSYNTAX) {
        vm->raising = NJ_SYNTAX;
        lua_error(L);
    } else if (status == LUA_ERRMEM) {
        lua_error(L);
    } else if (status != LUA_OK) {
        // The compiler calls itself for what is nested, and this is no error of its own.
        refuse_chunk(L, vm, source, "C stack overflow: parentheses, tables or functions are nested too deeply");
    }
    lua_remove(L, -2);
}

// What the compiler has not read yet, and whether it has asked for more than there was.
typedef struct nj_rest {
    const char *next, *end;
    bool is_over;
} nj_rest;

// A lua_Reader that gives one byte at a time, and so knows how far the compiler has come.
static const char *read_byte(lua_State *L, void *data, size_t *size) {
    (void)L;
    nj_rest *rest = data;
    rest->is_over = rest->next == rest->end;
    *size = rest->is_over ? 0 : 1;
    return rest->is_over ? NULL : rest->next++;
}

bool nj_syntax_error(const void *bytes, size_t length, size_t *end) {
    const char *start = length > 0 ? bytes : "";
    size_t rest_length = length;
    const char *text = text_of(start, &rest_length);
    lua_State *L = luaL_newstate();
    if (L == NULL) return false;
    nj_rest rest = {.next = text, .end = text + rest_length};
    bool is_refused = lua_load(L, read_byte, &rest, "@", "t") == LUA_ERRSYNTAX;
    // Where a token ends the compiler knows by the byte behind it.
    size_t ahead = rest.is_over || rest.next == text ? 0 : 1;
    *end = (size_t)(rest.next - start) - ahead;
    lua_close(L);
    return is_refused;
}

// Names as in the manual's examples, one file or folder a part: nothing that leads out of the folder can be written.
static bool is_module_name(const char *name, size_t length) {
    bool is_start = true;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        if (!is_word && (c != '.' || is_start)) return false;
        is_start = !is_word;
    }
    return !is_start;
}

// Compiles and runs a module, and leaves what it returned, or true. Stack as in nj_require.
static void load_module(lua_State *L, nj_vm *vm, const char *name) {
    nj_answer *answer = &vm->answer;
    nj_bytes_empty(&answer->bytes, NJ_OUTBOX_KEPT);
    bool is_found = vm->host.module(vm->host.context, name, answer);
    if (answer->bytes.failed) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    const char *bytes = answer->bytes.length > 0 ? (const char *)answer->bytes.start : "";
    if (!is_found) {
        int length = answer->bytes.length < 256 ? (int)answer->bytes.length : 256;
        nj_raise(L, NJ_RUNTIME, "require: no module '%.64s': %.*s", name, length, bytes);
    }
    const char *path = lua_pushfstring(L, "%s.lua", luaL_gsub(L, name, ".", "/"));
    nj_source source = {.name = path, .bytes = bytes, .length = answer->bytes.length};
    nj_chunk_push(L, vm, &source);
    lua_pushvalue(L, 1);
    lua_pushboolean(L, 0);
    lua_rawset(L, 2);
    lua_pushvalue(L, 1);
    lua_call(L, 1, 1);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
    }
}

// require(name). Stack: name, the modules by name. false stands for one that has begun to run and not returned.
int nj_require(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    size_t length;
    const char *name = luaL_checklstring(L, 1, &length);
    lua_settop(L, 1);
    if (nj_names_equal(name, length, "ws")) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, vm->ws_ref);
        return 1;
    }
    if (!is_module_name(name, length)) {
        char quoted[NJ_QUOTED_CAPACITY];
        return luaL_error(L, "require: '%s' is no module name: letters, digits and _, folders by dots",
                          nj_names_quote(name, length, quoted));
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->modules_ref);
    lua_pushvalue(L, 1);
    int known = lua_rawget(L, 2);
    if (known == LUA_TBOOLEAN && !lua_toboolean(L, -1)) {
        return luaL_error(L, "require: '%s' is being loaded already (a cycle), or failed to load before", name);
    }
    if (known != LUA_TNIL) return 1;
    if (vm->phase != NJ_PHASE_TOP) {
        return luaL_error(L, "require: '%s' was not loaded by the top level, and files are read only then", name);
    }
    lua_pop(L, 1);
    load_module(L, vm, name);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, 2);
    return 1;
}
