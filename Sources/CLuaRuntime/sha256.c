//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104).

#include "runtime.h"

#include <string.h>

// FIPS 180-4, section 4.2.2.
static const uint32_t constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t word, int count) { return word >> count | word << (32 - count); }

static void compress(uint32_t state[8], const uint8_t block[64]) {
    uint32_t words[64];
    for (int i = 0; i < 16; i++) {
        const uint8_t *byte = block + 4 * i;
        words[i] = (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
    }
    for (int i = 16; i < 64; i++) {
        uint32_t near = words[i - 2], far = words[i - 15];
        words[i] = words[i - 16] + (rotate(far, 7) ^ rotate(far, 18) ^ far >> 3) + words[i - 7] +
                   (rotate(near, 17) ^ rotate(near, 19) ^ near >> 10);
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        uint32_t first = h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + constants[i] + words[i];
        uint32_t second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + first;
        d = c, c = b, b = a, a = first + second;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

void nj_sha256_begin(nj_sha256 *hash) {
    // FIPS 180-4, section 5.3.3.
    static const uint32_t start[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    memcpy(hash->state, start, sizeof start);
    hash->length = 0;
}

void nj_sha256_update(nj_sha256 *hash, const void *bytes, size_t length) {
    const uint8_t *next = bytes;
    size_t filled = hash->length % sizeof hash->block;
    hash->length += length;
    while (length > 0) {
        if (filled == 0 && length >= sizeof hash->block) {
            compress(hash->state, next);
            next += sizeof hash->block;
            length -= sizeof hash->block;
            continue;
        }
        size_t taken = sizeof hash->block - filled < length ? sizeof hash->block - filled : length;
        memcpy(hash->block + filled, next, taken);
        filled += taken;
        next += taken;
        length -= taken;
        if (filled < sizeof hash->block) return;
        compress(hash->state, hash->block);
        filled = 0;
    }
}

void nj_sha256_end(nj_sha256 *hash, uint8_t digest[NJ_SHA256_LENGTH]) {
    static const uint8_t padding[64] = {0x80};
    uint64_t bits = hash->length * 8;
    size_t filled = hash->length % sizeof hash->block;
    nj_sha256_update(hash, padding, filled < 56 ? 56 - filled : 120 - filled);
    uint8_t length[8];
    for (int i = 0; i < 8; i++) length[i] = (uint8_t)(bits >> (56 - 8 * i));
    nj_sha256_update(hash, length, sizeof length);
    for (int i = 0; i < NJ_SHA256_LENGTH; i++) digest[i] = (uint8_t)(hash->state[i / 4] >> (24 - 8 * (i % 4)));
}

void nj_sha256_of(const void *bytes, size_t length, uint8_t digest[NJ_SHA256_LENGTH]) {
    nj_sha256 hash;
    nj_sha256_begin(&hash);
    nj_sha256_update(&hash, bytes, length);
    nj_sha256_end(&hash, digest);
}

// Begins a hash over the key, each of its bytes combined with `pad`.
static void begin_padded(nj_sha256 *hash, const uint8_t key[64], uint8_t pad) {
    uint8_t block[64];
    for (int i = 0; i < 64; i++) block[i] = key[i] ^ pad;
    nj_sha256_begin(hash);
    nj_sha256_update(hash, block, sizeof block);
}

void nj_hmac_begin(nj_hmac *hmac, const void *key, size_t length) {
    uint8_t block[64] = {0};
    if (length > sizeof block) {
        nj_sha256_begin(&hmac->inner);
        nj_sha256_update(&hmac->inner, key, length);
        nj_sha256_end(&hmac->inner, block);
    } else {
        memcpy(block, key, length);
    }
    begin_padded(&hmac->inner, block, 0x36);
    begin_padded(&hmac->outer, block, 0x5c);
}

void nj_hmac_end(nj_hmac *hmac, uint8_t digest[NJ_SHA256_LENGTH]) {
    nj_sha256_end(&hmac->inner, digest);
    nj_sha256_update(&hmac->outer, digest, NJ_SHA256_LENGTH);
    nj_sha256_end(&hmac->outer, digest);
}
