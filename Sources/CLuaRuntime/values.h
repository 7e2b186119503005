//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Values of a script as JSON and as plain data, and what is computed from bytes.

#ifndef NJ_VALUES_H
#define NJ_VALUES_H

#include "vm.h"

// MARK: json.c, json_read.c, json_write.c

// How deep tables may lie in each other, in JSON and in plain data.
#define NJ_DEEPEST_TABLE 100

// Encodes the value at `index` into the VM's scratch. Raises with the path to what cannot be JSON.
nj_bytes *nj_json_write(lua_State *L, nj_vm *vm, int index, const char *function);
// The same as a string that is pushed.
void nj_json_push(lua_State *L, nj_vm *vm, int index, const char *function);
// Pushes the value of a text; false with nothing pushed when it is no JSON: where from 1 on, and why.
bool nj_json_read(lua_State *L, nj_vm *vm, const char *text, size_t length, size_t *error_byte, const char **why);
// How many bytes at the start may stand in a JSON string as they are. Does not raise.
size_t nj_json_plain_length(const char *text, size_t length);
// Use 1 slot and do not raise.
bool nj_json_is_null(lua_State *L, const nj_vm *vm, int index);
bool nj_json_is_array(lua_State *L, const nj_vm *vm, int index);
// Marks the table at the top as an array. Uses 1 slot.
void nj_json_mark(lua_State *L, const nj_vm *vm);
int nj_json_encode(lua_State *L);            // ws.json.encode
int nj_json_decode(lua_State *L);            // ws.json.decode

// MARK: plain.c

// What plain data may hold besides nil, booleans, numbers, strings, ws.json.null and tables of these.
enum { NJ_PLAIN_CONNS = 1, NJ_PLAIN_ROOMS = 2, NJ_PLAIN_OBJECTS = NJ_PLAIN_CONNS | NJ_PLAIN_ROOMS };

#define NJ_PLAIN_WHY_CAPACITY 320

// Appends the value at `index`; raises with the path, which begins with `what`, to what is no plain data.
void nj_plain_write(lua_State *L, nj_vm *vm, int index, nj_bytes *bytes, const char *what, unsigned allowed);
// Pushes the value whose bytes nj_plain_write has made; nil for none. Uses 8 slots.
void nj_plain_push(lua_State *L, nj_vm *vm, const void *bytes, size_t length);
// Looks at `patience` values at most, and answers whether nj_plain_write would take them; otherwise writes why. `seen` is
// where on the stack the tables are that other values hold, to which those of this one are added, or 0.
bool nj_plain_check(lua_State *L, nj_vm *vm, int index, const char *what, unsigned allowed, int seen, size_t patience,
                    char why[NJ_PLAIN_WHY_CAPACITY]);

// MARK: state.c

// Warns, once for each kind, when the state of the connection whose handler has returned could not be kept. Uses 8 slots.
void nj_state_check(lua_State *L, nj_vm *vm);

// MARK: sha256.c

typedef struct nj_sha256 {
    uint32_t state[8];
    uint64_t length;
    uint8_t block[64];
} nj_sha256;

// Data is added to `inner`.
typedef struct nj_hmac {
    nj_sha256 inner, outer;
} nj_hmac;

// None of them raises.
void nj_sha256_begin(nj_sha256 *hash);
void nj_sha256_update(nj_sha256 *hash, const void *bytes, size_t length);
void nj_sha256_end(nj_sha256 *hash, uint8_t digest[NJ_SHA256_LENGTH]);
void nj_hmac_begin(nj_hmac *hmac, const void *key, size_t length);
void nj_hmac_end(nj_hmac *hmac, uint8_t digest[NJ_SHA256_LENGTH]);

// MARK: system.c

// Fill the bytes from the system's generator; the first answers false with errno, and does not raise.
bool nj_random_read(void *bytes, size_t length);
void nj_random_fill(lua_State *L, void *bytes, size_t length);

// MARK: siphash.c

// Does not raise.
uint64_t nj_siphash(const uint64_t key[2], const void *bytes, size_t length);

#endif
