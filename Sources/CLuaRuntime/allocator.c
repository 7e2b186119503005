//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The allocator of one VM: counts, and caps in two steps. An allocation that must fail makes Lua collect in an
// emergency, and in 5.4.4 that can corrupt the heap when weak metatables are in play (fixed in 5.4.8). So crossing the
// quota only asks the hook for an ordinary collection, and memory is refused at twice the quota.

#include "runtime.h"

#include <stdlib.h>
#include <string.h>

static bool must_fail(nj_vm *vm, size_t growth) {
    nj_allocator *allocator = &vm->allocator;
    allocator->calls += 1;
    if (allocator->calls - allocator->fail_from < allocator->fail_count) return true;
    return growth > allocator->limit - allocator->used;
}

// The first is the main one, with the state that all share.
static void note_thread(nj_vm *vm, void *block, size_t size) {
    if (vm->main == NULL) {
        // weak.c looks through it, and Lua sets no more than it needs.
        memset(block, 0, size);
        vm->allocator.state = block;
        vm->allocator.state_size = size;
    } else {
        vm->allocator.thread_size = size;
        vm->allocator.threads += 1;
    }
}

void *nj_allocate(void *ud, void *block, size_t old_size, size_t new_size) {
    nj_vm *vm = ud;
    nj_allocator *allocator = &vm->allocator;
    // For a new block Lua passes the type of the object here.
    bool is_thread = block == NULL && old_size == LUA_TTHREAD;
    if (block == NULL) old_size = 0;
    if (new_size == 0) {
        // A coroutine begins with its extra space, which names the VM; nothing else of Lua's begins with that address.
        if (block != NULL && old_size == allocator->thread_size && *(nj_vm **)block == vm && allocator->threads > 0) {
            allocator->threads -= 1;
        }
        free(block);
        allocator->used -= old_size;
        return NULL;
    }
    bool grows = new_size > old_size;
    if (grows && must_fail(vm, new_size - old_size)) {
        // Lua says "not enough memory" without a place; the stack still knows it.
        if (vm->is_running) nj_failure_locate(vm, vm->watch.thread, 0);
        return NULL;
    }
    void *moved = realloc(block, new_size);
    if (moved == NULL) {
        // Lua relies on shrinking to succeed.
        if (!grows) moved = block;
        return moved;
    }
    allocator->used = allocator->used - old_size + new_size;
    if (!grows) return moved;
    if (is_thread) note_thread(vm, moved, new_size);
    if (allocator->used > allocator->peak) allocator->peak = allocator->used;
    if (old_size > 0 && new_size > NJ_LARGE_STACK) allocator->grew_large = true;
    if (allocator->used > allocator->quota && !allocator->is_pressed && vm->is_running) {
        allocator->is_pressed = true;
        nj_watch_arm(vm);
    }
    return moved;
}
