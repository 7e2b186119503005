//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// What the system tells a script: the time, random bytes, and those variables of the environment that it may see.

#define _GNU_SOURCE

#include "runtime.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__linux__)
#include <sys/random.h>
#endif

// MARK: Time

static int push_seconds(lua_State *L, clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    lua_pushnumber(L, (lua_Number)time.tv_sec + (lua_Number)time.tv_nsec / 1e9);
    return 1;
}

// ws.now()
static int now(lua_State *L) { return push_seconds(L, CLOCK_REALTIME); }

// ws.clock()
static int clock_seconds(lua_State *L) { return push_seconds(L, CLOCK_MONOTONIC); }

// MARK: Randomness

bool nj_random_read(void *bytes, size_t length) {
#if defined(__linux__)
    uint8_t *next = bytes;
    while (length > 0) {
        ssize_t count = getrandom(next, length, 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return false;
        next += count;
        length -= (size_t)count;
    }
#else
    arc4random_buf(bytes, length);
#endif
    return true;
}

void nj_random_fill(lua_State *L, void *bytes, size_t length) {
    if (!nj_random_read(bytes, length)) {
        nj_raise(L, NJ_RUNTIME, "the system has no random bytes: %s", strerror(errno));
    }
}

// ws.uuid(): version 4 (RFC 9562, section 5.4).
static int uuid(lua_State *L) {
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16];
    char text[36], *next = text;
    nj_random_fill(L, bytes, sizeof bytes);
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40);
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80);
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *next++ = '-';
        *next++ = digits[bytes[i] >> 4];
        *next++ = digits[bytes[i] & 15];
    }
    lua_pushlstring(L, text, sizeof text);
    return 1;
}

// MARK: Environment

// ws.env(name)
static int env(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    if (lua_type(L, 1) != LUA_TSTRING) {
        return nj_raise(L, NJ_RUNTIME, "ws.env: name must be a string, not %s",
                        lua_isnone(L, 1) ? "missing" : nj_kind_of(L, 1));
    }
    size_t length;
    const char *name = lua_tolstring(L, 1, &length);
    nj_bytes *bytes = &vm->answer.bytes;
    nj_bytes_empty(bytes, NJ_OUTBOX_KEPT);
    nj_variable variable = NJ_VARIABLE_REFUSED;
    if (strlen(name) == length) variable = vm->host.variable(vm->host.context, name, &vm->answer);
    if (bytes->failed) return nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    switch (variable) {
    case NJ_VARIABLE_SET:
        lua_pushlstring(L, bytes->length > 0 ? (const char *)bytes->start : "", bytes->length);
        return 1;
    case NJ_VARIABLE_UNSET:
        lua_pushnil(L);
        return 1;
    case NJ_VARIABLE_REFUSED:
        break;
    }
    char quoted[NJ_QUOTED_CAPACITY];
    return nj_raise(L, NJ_RUNTIME, "ws.env: \"%s\" is none of the names that the server's setting env allows",
                    nj_names_quote(name, length, quoted));
}

void nj_system_open(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"now", now}, {"clock", clock_seconds}, {"uuid", uuid}, {"env", env}, {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
