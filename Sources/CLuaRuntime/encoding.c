//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Bytes as text and back (RFC 4648). There is one text for each string of bytes: a decoder takes no other.

#include "runtime.h"

#include <stdio.h>
#include <string.h>

// How many bytes are worked on before the deadline is looked at.
#define STRETCH 4096

typedef int (*digit_value)(char c);

static const char *check_text(lua_State *L, const char *function, size_t *length) {
    if (lua_type(L, 1) != LUA_TSTRING) {
        nj_raise(L, NJ_RUNTIME, "%s: data must be a string, not %s", function,
                 lua_isnone(L, 1) ? "missing" : nj_kind_of(L, 1));
    }
    return lua_tolstring(L, 1, length);
}

// Room for what comes out.
static char *reserve(lua_State *L, nj_vm *vm, size_t length) {
    nj_bytes_empty(&vm->scratch, NJ_OUTBOX_KEPT);
    if (!nj_bytes_reserve(&vm->scratch, length)) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    return (char *)vm->scratch.start;
}

static int refuse(lua_State *L, const char *format, size_t byte) {
    char text[64];
    snprintf(text, sizeof text, format, byte);
    lua_pushnil(L);
    lua_pushstring(L, text);
    return 2;
}

// MARK: Hexadecimal

static int hex(lua_State *L) {
    static const char digits[] = "0123456789abcdef";
    nj_vm *vm = nj_vm_of(L);
    size_t length;
    const char *bytes = check_text(L, "ws.crypto.hex", &length);
    char *text = reserve(L, vm, 2 * length + 1);
    for (size_t i = 0; i < length; i++) {
        if (i % STRETCH == 0) nj_watch_look(L, vm);
        text[2 * i] = digits[(uint8_t)bytes[i] >> 4];
        text[2 * i + 1] = digits[(uint8_t)bytes[i] & 15];
    }
    lua_pushlstring(L, text, 2 * length);
    return 1;
}

static int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static int hex_decode(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    size_t length;
    const char *text = check_text(L, "ws.crypto.hex_decode", &length);
    char *bytes = reserve(L, vm, length / 2 + 1);
    for (size_t i = 0; i < length; i++) {
        if (i % STRETCH == 0) nj_watch_look(L, vm);
        int value = hex_value(text[i]);
        if (value < 0) return refuse(L, "byte %zu is no hexadecimal digit", i + 1);
        bytes[i / 2] = (char)(i % 2 == 0 ? value << 4 : bytes[i / 2] | value);
    }
    if (length % 2 != 0) return refuse(L, "the number of digits is odd", 0);
    lua_pushlstring(L, bytes, length / 2);
    return 1;
}

// MARK: Base 64

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static int encode(lua_State *L, const char *function, const char *alphabet, bool has_padding) {
    nj_vm *vm = nj_vm_of(L);
    size_t length, count = 0;
    const char *bytes = check_text(L, function, &length);
    char *text = reserve(L, vm, length / 3 * 4 + 4);
    for (size_t i = 0; i < length; i += 3) {
        if (i % (3 * STRETCH) == 0) nj_watch_look(L, vm);
        size_t taken = length - i < 3 ? length - i : 3;
        uint32_t group = 0;
        for (size_t j = 0; j < 3; j++) group = group << 8 | (j < taken ? (uint8_t)bytes[i + j] : 0);
        for (size_t j = 0; j <= taken; j++) text[count++] = alphabet[group >> (18 - 6 * j) & 63];
        for (size_t j = taken; j < 3 && has_padding; j++) text[count++] = '=';
    }
    lua_pushlstring(L, text, count);
    return 1;
}

// The value of a digit that both alphabets have, or -1.
static int common_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return -1;
}

static int standard_value(char c) { return c == '+' ? 62 : c == '/' ? 63 : common_value(c); }

static int url_value(char c) { return c == '-' ? 62 : c == '_' ? 63 : common_value(c); }

static int decode(lua_State *L, const char *function, digit_value value_of, bool needs_padding) {
    nj_vm *vm = nj_vm_of(L);
    size_t length, count = 0;
    const char *text = check_text(L, function, &length);
    if (length % 4 == 0) {
        for (int i = 0; i < 2 && length > 0 && text[length - 1] == '='; i++) length -= 1;
    } else if (needs_padding) {
        return refuse(L, "the length is no multiple of 4: padding is missing", 0);
    }
    char *bytes = reserve(L, vm, length / 4 * 3 + 3);
    uint32_t group = 0;
    for (size_t i = 0; i < length; i++) {
        if (i % STRETCH == 0) nj_watch_look(L, vm);
        int value = value_of(text[i]);
        if (value < 0) return refuse(L, "byte %zu is no digit of base 64", i + 1);
        group = group << 6 | (uint32_t)value;
        if (i % 4 == 0) continue;
        bytes[count++] = (char)(group >> (6 - i % 4 * 2));
    }
    if (length % 4 == 1) return refuse(L, "the last digit stands alone", 0);
    // Bits that are left over would make another text of the same bytes.
    if (length % 4 != 0 && (group & (length % 4 == 2 ? 15 : 3)) != 0) {
        return refuse(L, "byte %zu has bits that belong to no byte", length);
    }
    lua_pushlstring(L, bytes, count);
    return 1;
}

static int base64(lua_State *L) { return encode(L, "ws.crypto.base64", standard, true); }

static int base64_decode(lua_State *L) { return decode(L, "ws.crypto.base64_decode", standard_value, true); }

static int base64url(lua_State *L) { return encode(L, "ws.crypto.base64url", url, false); }

static int base64url_decode(lua_State *L) { return decode(L, "ws.crypto.base64url_decode", url_value, false); }

void nj_encoding_open(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"base64", base64},
        {"base64_decode", base64_decode},
        {"base64url", base64url},
        {"base64url_decode", base64url_decode},
        {"hex", hex},
        {"hex_decode", hex_decode},
        {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
