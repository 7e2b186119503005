//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The matcher of Lua's patterns (Lua 5.4 manual, section 6.4.1). Ours rather than Lua's, because a pattern may take time
// that grows with any power of the subject's length, and no hook runs meanwhile: it counts its steps, and looks at the
// deadline every so many. What else could be tried is kept in a list and not on the C stack. A pattern that Lua finds
// malformed or too complex is so here, at the same step.

#include "pattern.h"

#include <string.h>

// Open choices, as many as Lua's matcher has calls of itself.
#define MOST_CHOICES 200

// Between two looks at the deadline: some 20 µs.
#define PATIENCE 2048

// Bytes that are passed over in one go.
#define STRETCH (64 * 1024)

static const nj_byte_set everything = {{~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0)}};

void nj_matcher_look(nj_matcher *matcher) {
    matcher->patience = PATIENCE;
    nj_watch_look(matcher->L, matcher->vm);
}

// MARK: Items

// What may stand at one place of the subject.
typedef struct item {
    // NULL for the one byte.
    const nj_byte_set *set;
    char byte;
    // Where the pattern goes on.
    const char *next;
} item;

static inline item read_item(nj_matcher *matcher, const char *at) {
    switch (*at) {
    case '.':
        return (item){.set = &everything, .next = at + 1};
    case '%':
        if (at + 1 == matcher->pattern_end) luaL_error(matcher->L, "malformed pattern (ends with '%%')");
        return (item){.set = nj_byte_class(at[1]), .byte = at[1], .next = at + 2};
    case '[': {
        const nj_read_set *set = nj_matcher_read_set(matcher, at);
        return (item){.set = &set->bytes, .next = set->next};
    }
    default:
        return (item){.byte = *at, .next = at + 1};
    }
}

static inline bool takes(const nj_matcher *matcher, const item *item, const char *at) {
    return at < matcher->subject_end && (item->set == NULL ? *at == item->byte : nj_byte_set_has(item->set, *at));
}

// The first place from `at` on that the item does not take.
static const char *pass_over(nj_matcher *matcher, const item *item, const char *at) {
    while (true) {
        const char *from = at, *end = matcher->subject_end;
        if (end - at > STRETCH) end = at + STRETCH;
        if (item->set == &everything) {
            at = end;
        } else if (item->set != NULL) {
            while (at < end && nj_byte_set_has(item->set, *at)) at++;
        } else {
            while (at < end && *at == item->byte) at++;
        }
        nj_matcher_spend(matcher, (at - from) / 8);
        if (at < end || end == matcher->subject_end) return at;
    }
}

// The byte with which whatever matches from here on begins, or -1 when that is not sure.
static int first_byte(const nj_matcher *matcher, const char *at) {
    if (at == matcher->pattern_end) return -1;
    switch (*at) {
    case '(':
    case ')':
    case '.':
    case '[':
    case '$':
        return -1;
    case '%':
        // The rest has a meaning, or is an error.
        if (at + 1 == matcher->pattern_end || (at[1] & 0x80) != 0 || nj_byte_set_has(nj_byte_class('w'), at[1])) return -1;
        at += 1;
    }
    bool is_sure = at[1] != '*' && at[1] != '?' && at[1] != '-';
    return is_sure ? (unsigned char)*at : -1;
}

// MARK: %b and %f

// The end of what begins with one byte and ends with the other, as many of one as of the other, or NULL.
static const char *match_balanced(nj_matcher *matcher, const char *pair, const char *at) {
    if (pair + 1 >= matcher->pattern_end) {
        luaL_error(matcher->L, "malformed pattern (missing arguments to '%%b')");
    }
    if (at == matcher->subject_end || *at != pair[0]) return NULL;
    size_t depth = 1;
    char first = pair[0], last = pair[1];
    for (at++; at < matcher->subject_end;) {
        const char *from = at, *end = matcher->subject_end - at > STRETCH ? at + STRETCH : matcher->subject_end;
        for (; at < end; at++) {
            char byte = *at;
            if (byte == last) {
                if (--depth == 0) break;
            } else if (byte == first) {
                depth += 1;
            }
        }
        nj_matcher_spend(matcher, (at - from) / 4);
        if (at < end) return at + 1;
    }
    return NULL;
}

// Whether `at` lies where the set begins: not behind one of its bytes, but in front of one.
static bool is_frontier(const nj_matcher *matcher, const nj_byte_set *set, const char *at) {
    char previous = at == matcher->subject ? '\0' : at[-1];
    return !nj_byte_set_has(set, previous) && nj_byte_set_has(set, *at);
}

// MARK: Matching

typedef enum choice_kind {
    // What is undone when the rest does not match: a capture that was opened or closed.
    OPENED, CLOSED,
    // What is tried then: to leave an item out, to take it once less, or once more.
    OPTIONAL, LONGEST, SHORTEST
} choice_kind;

typedef struct choice {
    choice_kind kind;
    // Of CLOSED, which capture; of LONGEST and SHORTEST, the byte that must follow, or -1.
    int value;
    // Where the rest was tried last, and of LONGEST the first place where it may be.
    const char *at, *first;
    // The rest of the pattern, and of SHORTEST the item.
    const char *rest, *item;
} choice;

// One byte less, and less until the byte is there that must follow; false when there is none.
static bool shorten(nj_matcher *matcher, choice *choice) {
    const char *at = choice->at;
    if (choice->value < 0) {
        if (at == choice->first) return false;
        choice->at = at - 1;
        return true;
    }
    while (at > choice->first) {
        const char *from = at, *stop = at - choice->first > STRETCH ? at - STRETCH : choice->first;
        do at--;
        while (at > stop && (unsigned char)*at != choice->value);
        nj_matcher_spend(matcher, (from - at) / 8);
        choice->at = at;
        if ((unsigned char)*at == choice->value) return true;
    }
    return false;
}

// One byte more that the item takes, and more until the byte is there that must follow; false when there is none.
static bool lengthen(nj_matcher *matcher, choice *choice) {
    const char *at = choice->at;
    item item = read_item(matcher, choice->item);
    if (!takes(matcher, &item, at)) return false;
    at++;
    if (choice->value >= 0 && item.set == &everything) {
        size_t rest = (size_t)(matcher->subject_end - at);
        const char *found = memchr(at, choice->value, rest);
        nj_matcher_spend(matcher, (found == NULL ? (ptrdiff_t)rest : found - at) / 64);
        if (found == NULL) return false;
        at = found;
    }
    choice->at = at;
    return true;
}

// The list of choices, in the call of nj_matcher_match.
typedef struct choices {
    int count;
    choice list[MOST_CHOICES];
} choices;

// Goes back to the choice that was made last and can be made otherwise, and makes it so. NULL when there is none. Of the
// choice that is answered the next one may take the place.
static const choice *reconsider(nj_matcher *matcher, choices *choices) {
    while (choices->count > 0) {
        choice *choice = &choices->list[choices->count - 1];
        switch (choice->kind) {
        case OPENED:
            matcher->capture_count -= 1;
            break;
        case CLOSED:
            matcher->captures[choice->value].length = NJ_CAPTURE_OPEN;
            break;
        case OPTIONAL:
            choices->count -= 1;
            return choice;
        case LONGEST:
            if (shorten(matcher, choice)) return choice;
            break;
        case SHORTEST:
            if (lengthen(matcher, choice)) return choice;
            break;
        }
        choices->count -= 1;
    }
    return NULL;
}

static inline choice *choose(nj_matcher *matcher, choices *choices, choice_kind kind, const char *at, const char *rest) {
    if (choices->count == MOST_CHOICES - 1) luaL_error(matcher->L, "pattern too complex");
    choice *choice = &choices->list[choices->count++];
    choice->kind = kind;
    choice->at = at;
    choice->rest = rest;
    return choice;
}

const char *nj_matcher_match(nj_matcher *matcher, const char *start) {
    choices choices;
    choices.count = 0;
    const char *at = start, *pattern = matcher->pattern;
    matcher->capture_count = 0;
    // An empty pattern takes a step as well.
    nj_matcher_spend(matcher, 1);
    while (pattern != matcher->pattern_end) {
        nj_matcher_spend(matcher, 1);
        switch (*pattern) {
        case '(': {
            bool is_position = pattern[1] == ')';
            nj_matcher_open_capture(matcher, at, is_position ? NJ_CAPTURE_POSITION : NJ_CAPTURE_OPEN);
            pattern += is_position ? 2 : 1;
            choose(matcher, &choices, OPENED, at, pattern);
            continue;
        }
        case ')': {
            int index = nj_matcher_close_capture(matcher, at);
            pattern += 1;
            choose(matcher, &choices, CLOSED, at, pattern)->value = index;
            continue;
        }
        case '$':
            if (pattern + 1 != matcher->pattern_end) goto one_item;
            if (at == matcher->subject_end) return at;
            at = NULL;
            break;
        case '%':
            if (pattern[1] == 'b') {
                at = match_balanced(matcher, pattern + 2, at);
                pattern += 4;
            } else if (pattern[1] == 'f') {
                if (pattern[2] != '[') luaL_error(matcher->L, "missing '[' after '%%f' in pattern");
                const nj_read_set *set = nj_matcher_read_set(matcher, pattern + 2);
                if (!is_frontier(matcher, &set->bytes, at)) at = NULL;
                pattern = set->next;
            } else if (pattern[1] >= '0' && pattern[1] <= '9') {
                at = nj_matcher_match_again(matcher, pattern[1], at);
                pattern += 2;
            } else {
                goto one_item;
            }
            break;
        default:
        one_item: {
            item item = read_item(matcher, pattern);
            bool is_taken = takes(matcher, &item, at);
            switch (*item.next) {
            case '?':
                pattern = item.next + 1;
                if (!is_taken) continue;
                choose(matcher, &choices, OPTIONAL, at, pattern);
                at += 1;
                continue;
            case '-': {
                const char *rest = item.next + 1;
                if (is_taken) {
                    choice *choice = choose(matcher, &choices, SHORTEST, at, rest);
                    choice->item = pattern;
                    choice->value = first_byte(matcher, rest);
                }
                pattern = rest;
                continue;
            }
            case '+':
            case '*': {
                pattern = item.next + 1;
                if (is_taken) {
                    const char *end = pass_over(matcher, &item, at + 1);
                    choice *choice = choose(matcher, &choices, LONGEST, end, pattern);
                    choice->first = *item.next == '+' ? at + 1 : at;
                    choice->value = first_byte(matcher, pattern);
                    at = end;
                } else if (*item.next == '+') {
                    at = NULL;
                }
                break;
            }
            default:
                pattern = item.next;
                at = is_taken ? at + 1 : NULL;
            }
        }
        }
        if (at == NULL) {
            const choice *choice = reconsider(matcher, &choices);
            if (choice == NULL) return NULL;
            at = choice->at;
            pattern = choice->rest;
        }
    }
    return at;
}

void nj_matcher_begin(nj_matcher *matcher, lua_State *L, const char *subject, size_t length, const char *pattern,
                      size_t pattern_length) {
    matcher->L = L;
    matcher->vm = nj_vm_of(L);
    matcher->subject = subject;
    matcher->subject_end = subject + length;
    matcher->pattern = pattern;
    matcher->pattern_end = pattern + pattern_length;
    matcher->patience = PATIENCE;
    matcher->capture_count = 0;
    for (int i = 0; i < NJ_READ_SETS; i++) matcher->sets[i].start = NULL;
    matcher->first_byte = first_byte(matcher, pattern);
}
