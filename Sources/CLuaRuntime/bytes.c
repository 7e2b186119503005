//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Growing buffers for the outbox and for what the host hands over, and the checks of UTF-8 on what leaves.

#include "runtime.h"

#include <string.h>

bool nj_bytes_reserve(nj_bytes *bytes, size_t extra) {
    if (extra <= bytes->capacity - bytes->length) return true;
    size_t needed;
    if (__builtin_add_overflow(bytes->length, extra, &needed)) return false;
    size_t capacity = bytes->capacity < 512 ? 512 : bytes->capacity;
    while (capacity < needed) {
        if (__builtin_mul_overflow(capacity, (size_t)2, &capacity)) return false;
    }
    void *start = nj_allocate(bytes->vm, bytes->start, bytes->capacity, capacity);
    if (start == NULL) return false;
    bytes->start = start;
    bytes->capacity = capacity;
    return true;
}

void nj_bytes_append(nj_bytes *bytes, const void *source, size_t length) {
    if (length == 0 || bytes->failed) return;
    if (!nj_bytes_reserve(bytes, length)) {
        bytes->failed = true;
        return;
    }
    memcpy(bytes->start + bytes->length, source, length);
    bytes->length += length;
}

void nj_bytes_empty(nj_bytes *bytes, size_t kept_capacity) {
    bytes->length = 0;
    bytes->failed = false;
    if (bytes->capacity > kept_capacity) {
        nj_allocate(bytes->vm, bytes->start, bytes->capacity, 0);
        bytes->start = NULL;
        bytes->capacity = 0;
    }
}

void nj_answer_append(nj_answer *answer, const void *source, size_t length) {
    nj_bytes_append(&answer->bytes, source, length);
}

void nj_answer_name(nj_answer *answer, const void *name, size_t length) {
    uint16_t head = (uint16_t)length;
    nj_bytes_append(&answer->bytes, &head, sizeof head);
    nj_bytes_append(&answer->bytes, name, length);
}

void nj_answer_field(nj_answer *answer, nj_field field, const void *name, size_t name_length, const void *value,
                     size_t value_length) {
    size_t head[3] = {(size_t)field, name_length, value_length};
    nj_bytes_append(&answer->bytes, head, sizeof head);
    nj_bytes_append(&answer->bytes, name, name_length);
    nj_bytes_append(&answer->bytes, value, value_length);
}

// The length of the well-formed character at the start (Unicode, table 3-7), or 0.
static size_t character_length(const uint8_t *text, size_t length) {
    uint8_t lead = text[0];
    if (lead < 0x80) return 1;
    size_t count = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || count > length) return 0;
    uint8_t least = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    uint8_t most = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (text[1] < least || text[1] > most) return 0;
    for (size_t i = 2; i < count; i++) {
        if ((text[i] & 0xC0) != 0x80) return 0;
    }
    return count;
}

#define HIGH_BITS UINT64_C(0x8080808080808080)

// The number of bytes at the start that are surely ASCII: four words at a time, then single ones.
static size_t ascii_length(const uint8_t *bytes, size_t length) {
    uint64_t words[4];
    size_t i = 0;
    for (; length - i >= sizeof words; i += sizeof words) {
        memcpy(words, bytes + i, sizeof words);
        if ((words[0] | words[1] | words[2] | words[3]) & HIGH_BITS) return i;
    }
    for (; length - i >= sizeof words[0]; i += sizeof words[0]) {
        memcpy(words, bytes + i, sizeof words[0]);
        if (words[0] & HIGH_BITS) return i;
    }
    return i;
}

size_t nj_utf8_error(const char *text, size_t length) {
    const uint8_t *bytes = (const uint8_t *)text;
    size_t i = 0;
    while (i < length) {
        i += ascii_length(bytes + i, length - i);
        if (i == length) return 0;
        size_t count = character_length(bytes + i, length - i);
        if (count == 0) return i + 1;
        i += count;
    }
    return 0;
}

size_t nj_utf8_cut(const char *text, size_t length, size_t limit) {
    if (length <= limit) return length;
    while (limit > 0 && ((uint8_t)text[limit] & 0xC0) == 0x80) limit -= 1;
    return limit;
}
