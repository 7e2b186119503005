//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Lua's patterns, matched step by step: what string.find, match, gmatch and gsub share.

#ifndef NJ_PATTERN_H
#define NJ_PATTERN_H

#include "runtime.h"

#include <string.h>

#define NJ_MOST_CAPTURES 32

// Where a capture lies in the subject.
typedef struct nj_capture {
    const char *start;
    // Or one of those below.
    ptrdiff_t length;
} nj_capture;

enum { NJ_CAPTURE_OPEN = -1, NJ_CAPTURE_POSITION = -2 };

// A set of bytes, as 256 bits.
typedef struct nj_byte_set {
    uint64_t words[4];
} nj_byte_set;

// A set of the pattern that has been read: where it begins, what is behind it, and what is in it.
typedef struct nj_read_set {
    const char *start, *next;
    nj_byte_set bytes;
} nj_read_set;

#define NJ_READ_SETS 4

typedef struct nj_matcher {
    lua_State *L;
    nj_vm *vm;
    const char *subject, *subject_end, *pattern, *pattern_end;
    // Steps until the deadline is looked at.
    int32_t patience;
    int capture_count;
    // With which every match begins, or -1.
    int first_byte;
    nj_capture captures[NJ_MOST_CAPTURES];
    // Those that were read last, so that a set is not read for each byte.
    nj_read_set sets[NJ_READ_SETS];
} nj_matcher;

// Each step of work is counted, so that the deadline is looked at every so often. May raise.
void nj_matcher_look(nj_matcher *matcher);
static inline void nj_matcher_spend(nj_matcher *matcher, ptrdiff_t steps) {
    matcher->patience -= (int32_t)steps;
    if (matcher->patience < 0) nj_matcher_look(matcher);
}

void nj_matcher_begin(nj_matcher *matcher, lua_State *L, const char *subject, size_t length, const char *pattern,
                      size_t pattern_length);
// Matches the pattern at `start`, and answers the end of the match or NULL. Raises what is wrong with the pattern.
const char *nj_matcher_match(nj_matcher *matcher, const char *start);
// The next place from `start` on where a match may begin, or NULL when there is none. Does not raise.
static inline const char *nj_matcher_candidate(const nj_matcher *matcher, const char *start) {
    if (matcher->first_byte < 0) return start;
    return memchr(start, matcher->first_byte, (size_t)(matcher->subject_end - start));
}

// MARK: capture.c

void nj_matcher_open_capture(nj_matcher *matcher, const char *at, ptrdiff_t length);
// Closes the capture that was opened last, and answers which it is.
int nj_matcher_close_capture(nj_matcher *matcher, const char *at);
// The end of what the capture `digit` has taken, found again at `at`, or NULL.
const char *nj_matcher_match_again(nj_matcher *matcher, char digit, const char *at);
// Pushes the captures of the match, or the whole of it if there are none and `start` is not NULL; answers the number.
int nj_matcher_push_captures(nj_matcher *matcher, const char *start, const char *end);
// Pushes one capture, counted from 0; the first is the whole match if there are none.
void nj_matcher_push_capture(nj_matcher *matcher, int index, const char *start, const char *end);
// The bytes of that capture; NULL for a position, which is pushed.
const char *nj_matcher_capture(nj_matcher *matcher, int index, const char *start, const char *end, size_t *length);

// MARK: byte_set.c

// What the small letters stand for in the C locale, and what their capitals do; empty for those without a meaning.
extern const nj_byte_set nj_byte_classes[26][2];

static inline bool nj_byte_set_has(const nj_byte_set *set, char byte) {
    unsigned value = (unsigned char)byte;
    return set->words[value >> 6] >> (value & 63) & 1;
}

// The class of a letter, or NULL when it has none.
static inline const nj_byte_set *nj_byte_class(char letter) {
    unsigned place = ((unsigned char)letter | 0x20u) - 'a';
    if (place >= 26) return NULL;
    const nj_byte_set *class = &nj_byte_classes[place][(letter & 0x20) == 0];
    // No class is empty, nor is what it leaves out.
    return (class->words[0] | class->words[1]) == 0 ? NULL : class;
}

// The set in brackets that begins at `start`. What is answered holds until another is read.
const nj_read_set *nj_matcher_read_set(nj_matcher *matcher, const char *start);
// Whether no byte has a meaning of its own anywhere in a pattern. Does not raise.
bool nj_pattern_is_plain(const char *pattern, size_t length);

#endif
