//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// ws.crypto: what a script needs to check a token. Digests and keys are strings of bytes; encoding.c makes text of them.

#include "runtime.h"

static const nj_name names[] = {
    {"sha256", NJ_KNOWN},    {"hmac_sha256", NJ_KNOWN},      {"random", NJ_KNOWN}, {"equal", NJ_KNOWN},
    {"base64", NJ_KNOWN},    {"base64_decode", NJ_KNOWN},    {"hex", NJ_KNOWN},    {"hex_decode", NJ_KNOWN},
    {"base64url", NJ_KNOWN}, {"base64url_decode", NJ_KNOWN}, {NULL, NJ_KNOWN},
};

// How many bytes are hashed before the deadline is looked at.
#define STRETCH (64 * 1024)

static const char *check_bytes(lua_State *L, int index, const char *function, const char *what, size_t *length) {
    if (lua_type(L, index) != LUA_TSTRING) {
        nj_raise(L, NJ_RUNTIME, "%s: %s must be a string, not %s", function, what,
                 lua_isnone(L, index) ? "missing" : nj_kind_of(L, index));
    }
    return lua_tolstring(L, index, length);
}

static void update(lua_State *L, nj_sha256 *hash, const char *bytes, size_t length) {
    nj_vm *vm = nj_vm_of(L);
    while (length > 0) {
        size_t taken = length < STRETCH ? length : STRETCH;
        nj_sha256_update(hash, bytes, taken);
        bytes += taken;
        length -= taken;
        nj_watch_look(L, vm);
    }
}

// ws.crypto.sha256(data)
static int sha256(lua_State *L) {
    size_t length;
    const char *bytes = check_bytes(L, 1, "ws.crypto.sha256", "data", &length);
    nj_sha256 hash;
    uint8_t digest[NJ_SHA256_LENGTH];
    nj_sha256_begin(&hash);
    update(L, &hash, bytes, length);
    nj_sha256_end(&hash, digest);
    lua_pushlstring(L, (const char *)digest, sizeof digest);
    return 1;
}

// ws.crypto.hmac_sha256(key, data)
static int hmac_sha256(lua_State *L) {
    size_t key_length, length;
    const char *key = check_bytes(L, 1, "ws.crypto.hmac_sha256", "key", &key_length);
    const char *bytes = check_bytes(L, 2, "ws.crypto.hmac_sha256", "data", &length);
    nj_hmac hmac;
    uint8_t digest[NJ_SHA256_LENGTH];
    nj_hmac_begin(&hmac, key, key_length);
    update(L, &hmac.inner, bytes, length);
    nj_hmac_end(&hmac, digest);
    lua_pushlstring(L, (const char *)digest, sizeof digest);
    return 1;
}

// ws.crypto.equal(a, b): takes as long whatever differs, so that nobody guesses a secret byte by byte.
static int equal(lua_State *L) {
    size_t a_length, b_length;
    const char *a = check_bytes(L, 1, "ws.crypto.equal", "the first value", &a_length);
    const char *b = check_bytes(L, 2, "ws.crypto.equal", "the second value", &b_length);
    bool is_equal = a_length == b_length;
    if (is_equal) {
        volatile uint8_t difference = 0;
        for (size_t i = 0; i < a_length; i++) difference |= (uint8_t)(a[i] ^ b[i]);
        is_equal = difference == 0;
    }
    lua_pushboolean(L, is_equal);
    return 1;
}

#define MOST_RANDOM 65536

// ws.crypto.random(n)
static int random_bytes(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    int is_integer = 0;
    lua_Integer count = lua_type(L, 1) == LUA_TNUMBER ? lua_tointegerx(L, 1, &is_integer) : 0;
    if (!is_integer || count < 1 || count > MOST_RANDOM) {
        return nj_raise(L, NJ_RUNTIME, "ws.crypto.random: the number of bytes must be an integer from 1 to %d", MOST_RANDOM);
    }
    nj_bytes_empty(&vm->scratch, NJ_OUTBOX_KEPT);
    if (!nj_bytes_reserve(&vm->scratch, (size_t)count)) return nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
    nj_random_fill(L, vm->scratch.start, (size_t)count);
    lua_pushlstring(L, (const char *)vm->scratch.start, (size_t)count);
    return 1;
}

void nj_crypto_open(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"sha256", sha256}, {"hmac_sha256", hmac_sha256}, {"random", random_bytes}, {"equal", equal}, {NULL, NULL},
    };
    luaL_newlib(L, functions);
    nj_encoding_open(L);
    nj_names_seal(L, names, "ws.crypto", NULL);
}
