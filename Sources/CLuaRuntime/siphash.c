//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// SipHash-2-4 (Aumasson and Bernstein, 2012): where in a table a key lies, which nobody who chooses keys can foresee.

#include "runtime.h"

#include <string.h>

typedef struct state {
    uint64_t v0, v1, v2, v3;
} state;

static uint64_t rotate(uint64_t word, int count) { return word << count | word >> (64 - count); }

static void mix(state *state, int rounds) {
    for (; rounds > 0; rounds--) {
        state->v0 += state->v1;
        state->v2 += state->v3;
        state->v1 = rotate(state->v1, 13) ^ state->v0;
        state->v3 = rotate(state->v3, 16) ^ state->v2;
        state->v0 = rotate(state->v0, 32) + state->v3;
        state->v2 += state->v1;
        state->v1 = rotate(state->v1, 17) ^ state->v2;
        state->v3 = rotate(state->v3, 21) ^ state->v0;
        state->v2 = rotate(state->v2, 32);
    }
}

static void absorb(state *state, uint64_t word) {
    state->v3 ^= word;
    mix(state, 2);
    state->v0 ^= word;
}

// Up to eight bytes, the first the lowest.
static uint64_t word_of(const uint8_t *bytes, size_t length) {
    uint64_t word = 0;
    for (size_t i = 0; i < length; i++) word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

uint64_t nj_siphash(const uint64_t key[2], const void *bytes, size_t length) {
    state state = {
        key[0] ^ UINT64_C(0x736f6d6570736575),
        key[1] ^ UINT64_C(0x646f72616e646f6d),
        key[0] ^ UINT64_C(0x6c7967656e657261),
        key[1] ^ UINT64_C(0x7465646279746573),
    };
    const uint8_t *next = bytes;
    size_t rest = length;
    for (; rest >= 8; rest -= 8, next += 8) absorb(&state, word_of(next, 8));
    absorb(&state, (uint64_t)(length & 0xFF) << 56 | word_of(next, rest));
    state.v2 ^= 0xFF;
    mix(&state, 4);
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
