//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// What a pattern has captured: opened, closed, found again, and pushed.

#include "pattern.h"

static int raise_index(nj_matcher *matcher, int index) {
    return luaL_error(matcher->L, "invalid capture index %%%d", index + 1);
}

const char *nj_matcher_match_again(nj_matcher *matcher, char digit, const char *at) {
    int index = digit - '1';
    if (index < 0 || index >= matcher->capture_count || matcher->captures[index].length == NJ_CAPTURE_OPEN) {
        raise_index(matcher, index);
    }
    const nj_capture *capture = &matcher->captures[index];
    if (capture->length == NJ_CAPTURE_POSITION || capture->length > matcher->subject_end - at) return NULL;
    nj_matcher_spend(matcher, capture->length / 64);
    return memcmp(capture->start, at, (size_t)capture->length) == 0 ? at + capture->length : NULL;
}

void nj_matcher_open_capture(nj_matcher *matcher, const char *at, ptrdiff_t length) {
    if (matcher->capture_count >= NJ_MOST_CAPTURES) luaL_error(matcher->L, "too many captures");
    matcher->captures[matcher->capture_count] = (nj_capture){.start = at, .length = length};
    matcher->capture_count += 1;
}

int nj_matcher_close_capture(nj_matcher *matcher, const char *at) {
    int index = matcher->capture_count - 1;
    while (index >= 0 && matcher->captures[index].length != NJ_CAPTURE_OPEN) index--;
    if (index < 0) luaL_error(matcher->L, "invalid pattern capture");
    matcher->captures[index].length = at - matcher->captures[index].start;
    return index;
}

const char *nj_matcher_capture(nj_matcher *matcher, int index, const char *start, const char *end, size_t *length) {
    if (index >= matcher->capture_count) {
        if (index != 0) raise_index(matcher, index);
        *length = (size_t)(end - start);
        return start;
    }
    const nj_capture *capture = &matcher->captures[index];
    if (capture->length == NJ_CAPTURE_OPEN) luaL_error(matcher->L, "unfinished capture");
    if (capture->length == NJ_CAPTURE_POSITION) {
        lua_pushinteger(matcher->L, capture->start - matcher->subject + 1);
        return NULL;
    }
    *length = (size_t)capture->length;
    return capture->start;
}

void nj_matcher_push_capture(nj_matcher *matcher, int index, const char *start, const char *end) {
    size_t length;
    const char *bytes = nj_matcher_capture(matcher, index, start, end, &length);
    if (bytes != NULL) lua_pushlstring(matcher->L, bytes, length);
}

int nj_matcher_push_captures(nj_matcher *matcher, const char *start, const char *end) {
    int count = matcher->capture_count == 0 && start != NULL ? 1 : matcher->capture_count;
    luaL_checkstack(matcher->L, count, "too many captures");
    for (int i = 0; i < count; i++) nj_matcher_push_capture(matcher, i, start, end);
    return count;
}
