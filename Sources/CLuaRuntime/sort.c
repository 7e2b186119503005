//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// table.sort: quicksort in place. A comparison may be a function of the script, which may contradict itself.

#include "library.h"

// Ranges that are cut as badly as one in so many, when they are at least so long, make the next cut random.
#define BAD_CUT 128
#define LONG_RANGE 100

// Comparisons between two looks at the deadline.
#define COMPARISONS 64

// The table is at 1 of the stack, the comparison at 2.
typedef struct sorting {
    lua_State *L;
    nj_vm *vm;
    bool has_comparison;
    uint32_t comparisons;
    // Not 0 once cuts are random.
    uint64_t random;
} sorting;

static int refuse(sorting *sorting) { return luaL_error(sorting->L, "invalid order function for sorting"); }

// Whether the value at one index comes before that at the other; both are counted from the top.
static bool is_before(sorting *sorting, int first, int second) {
    lua_State *L = sorting->L;
    sorting->comparisons += 1;
    if (sorting->comparisons % COMPARISONS == 0) nj_watch_look(L, sorting->vm);
    if (!sorting->has_comparison) return lua_compare(L, first, second, LUA_OPLT);
    lua_pushvalue(L, 2);
    lua_pushvalue(L, first - 1);
    lua_pushvalue(L, second - 2);
    lua_call(L, 2, 1);
    bool is_before = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is_before;
}

// Puts the elements of two places in order.
static void order(sorting *sorting, lua_Integer low, lua_Integer high) {
    lua_State *L = sorting->L;
    lua_geti(L, 1, low);
    lua_geti(L, 1, high);
    if (is_before(sorting, -1, -2)) {
        lua_seti(L, 1, low);
        lua_seti(L, 1, high);
    } else {
        lua_pop(L, 2);
    }
}

static void exchange(lua_State *L, lua_Integer one, lua_Integer other) {
    lua_geti(L, 1, one);
    lua_geti(L, 1, other);
    lua_seti(L, 1, one);
    lua_seti(L, 1, other);
}

// Where to cut: in the middle, or once that has been bad, anywhere in the middle half.
static lua_Integer middle_of(sorting *sorting, lua_Integer low, lua_Integer high) {
    lua_Integer span = high - low;
    if (sorting->random == 0 || span < LONG_RANGE) return low + span / 2;
    sorting->random = sorting->random * 6364136223846793005u + 1442695040888963407u;
    return low + span / 4 + (lua_Integer)((sorting->random >> 33) % (uint64_t)(span / 2));
}

// Cuts a range of at least four elements, whose first is not behind that in the middle, nor the last before it: what
// comes before the pivot is left of the place that is answered, what comes behind it right. No place outside is read,
// whatever the comparison says.
static lua_Integer cut(sorting *sorting, lua_Integer low, lua_Integer middle, lua_Integer high) {
    lua_State *L = sorting->L;
    lua_Integer left = low, right = high - 1;
    exchange(L, middle, right);
    lua_geti(L, 1, right);
    while (true) {
        // The pivot is below what is compared with it.
        while (lua_geti(L, 1, ++left), is_before(sorting, -1, -2)) {
            if (left >= high - 1) refuse(sorting);
            lua_pop(L, 1);
        }
        while (lua_geti(L, 1, --right), is_before(sorting, -3, -1)) {
            if (right < left) refuse(sorting);
            lua_pop(L, 1);
        }
        if (right < left) break;
        lua_seti(L, 1, left);
        lua_seti(L, 1, right);
    }
    lua_pop(L, 3);
    exchange(L, high - 1, left);
    return left;
}

// Calls itself for the smaller part only, so not deeper than there are bits in the length.
static void sort_range(sorting *sorting, lua_Integer low, lua_Integer high) {
    while (low < high) {
        lua_Integer middle = middle_of(sorting, low, high);
        order(sorting, low, high);
        if (high - low == 1) return;
        order(sorting, low, middle);
        order(sorting, middle, high);
        if (high - low == 2) return;
        lua_Integer pivot = cut(sorting, low, middle, high);
        lua_Integer left = pivot - low, right = high - pivot, smaller = left < right ? left : right;
        if (high - low > LONG_RANGE && smaller < (high - low) / BAD_CUT) sorting->random |= 1;
        if (left < right) {
            sort_range(sorting, low, pivot - 1);
            low = pivot + 1;
        } else {
            sort_range(sorting, pivot + 1, high);
            high = pivot - 1;
        }
    }
}

// table.sort(list [, comparison])
static int sort(lua_State *L) {
    sorting sorting = {.L = L, .vm = nj_vm_of(L)};
    nj_check_table(L, 1, NJ_READ | NJ_WRITE | NJ_LENGTH);
    lua_Integer length = luaL_len(L, 1);
    if (length < 2) return 0;
    luaL_argcheck(L, length < INT32_MAX, 1, "array too big");
    sorting.has_comparison = !lua_isnoneornil(L, 2);
    if (sorting.has_comparison) luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    sort_range(&sorting, 1, length);
    return 0;
}

void nj_sort_open(lua_State *L) {
    lua_pushcfunction(L, sort);
    lua_setfield(L, -2, "sort");
}
