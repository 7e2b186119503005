//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Sets of bytes: what %a and the others stand for, and what a pattern has in brackets.

#include "pattern.h"

// Bytes of a pattern that are read in one go.
#define STRETCH (64 * 1024)

#define CLASS(letter, low, high) \
    [letter - 'a'] = {{{(low), (high), 0, 0}}, {{~(low), ~(high), ~UINT64_C(0), ~UINT64_C(0)}}}

const nj_byte_set nj_byte_classes[26][2] = {
    CLASS('a', UINT64_C(0), UINT64_C(0x07FFFFFE07FFFFFE)),
    CLASS('c', UINT64_C(0x00000000FFFFFFFF), UINT64_C(0x8000000000000000)),
    CLASS('d', UINT64_C(0x03FF000000000000), UINT64_C(0)),
    CLASS('g', UINT64_C(0xFFFFFFFE00000000), UINT64_C(0x7FFFFFFFFFFFFFFF)),
    CLASS('l', UINT64_C(0), UINT64_C(0x07FFFFFE00000000)),
    CLASS('p', UINT64_C(0xFC00FFFE00000000), UINT64_C(0x78000001F8000001)),
    CLASS('s', UINT64_C(0x0000000100003E00), UINT64_C(0)),
    CLASS('u', UINT64_C(0), UINT64_C(0x0000000007FFFFFE)),
    CLASS('w', UINT64_C(0x03FF000000000000), UINT64_C(0x07FFFFFE07FFFFFE)),
    CLASS('x', UINT64_C(0x03FF000000000000), UINT64_C(0x0000007E0000007E)),
    // The zero byte: no longer in the manual, and still in Lua 5.4.
    CLASS('z', UINT64_C(1), UINT64_C(0)),
};

static inline void add(nj_byte_set *set, unsigned value) { set->words[value >> 6] |= UINT64_C(1) << (value & 63); }

// A ']' in the first place stands for itself. Strings end with a zero, so the byte behind the pattern may be read.
static const char *end_of_set(nj_matcher *matcher, const char *first) {
    const char *at = first, *stop = first + STRETCH;
    do {
        if (at == matcher->pattern_end) luaL_error(matcher->L, "malformed pattern (missing ']')");
        at += at[0] == '%' && at + 1 < matcher->pattern_end ? 2 : 1;
        if (at > stop) {
            nj_matcher_spend(matcher, STRETCH / 4);
            stop = at + STRETCH;
        }
    } while (*at != ']');
    return at;
}

static void fill(nj_matcher *matcher, nj_byte_set *set, const char *at, const char *end) {
    while (at < end) {
        nj_matcher_spend(matcher, 1);
        if (at[0] == '%') {
            const nj_byte_set *class = nj_byte_class(at[1]);
            if (class != NULL) {
                for (int i = 0; i < 4; i++) set->words[i] |= class->words[i];
            } else {
                add(set, (unsigned char)at[1]);
            }
            at += 2;
        } else if (at[1] == '-' && at + 2 < end) {
            for (unsigned value = (unsigned char)at[0]; value <= (unsigned char)at[2]; value++) add(set, value);
            at += 3;
        } else {
            add(set, (unsigned char)at[0]);
            at += 1;
        }
    }
}

const nj_read_set *nj_matcher_read_set(nj_matcher *matcher, const char *start) {
    nj_read_set *set = &matcher->sets[(size_t)(start - matcher->pattern) % NJ_READ_SETS];
    if (set->start == start) return set;
    bool is_inverted = start[1] == '^';
    const char *first = start + (is_inverted ? 2 : 1);
    const char *end = end_of_set(matcher, first);
    set->bytes = (nj_byte_set){{0, 0, 0, 0}};
    fill(matcher, &set->bytes, first, end);
    if (is_inverted) {
        for (int i = 0; i < 4; i++) set->bytes.words[i] = ~set->bytes.words[i];
    }
    set->next = end + 1;
    set->start = start;
    return set;
}

bool nj_pattern_is_plain(const char *pattern, size_t length) {
    // "^$*+?.([%-"
    static const nj_byte_set special = {{
        UINT64_C(1) << '$' | UINT64_C(1) << '*' | UINT64_C(1) << '+' | UINT64_C(1) << '?' | UINT64_C(1) << '.' |
            UINT64_C(1) << '(' | UINT64_C(1) << '%' | UINT64_C(1) << '-',
        UINT64_C(1) << ('^' - 64) | UINT64_C(1) << ('[' - 64), 0, 0}};
    for (size_t i = 0; i < length; i++) {
        if (nj_byte_set_has(&special, pattern[i])) return false;
    }
    return true;
}
