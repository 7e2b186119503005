//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The deadline and the memory quota of a VM, as its hook sees them. No hook is set while neither is reached, so they
// cost nothing: the clock or the allocator sets it, and a hook that finds nothing to do removes itself. A deadline that
// has passed stays so until the event is over: whatever catches the error finds it here and raises it again.

#if defined(__linux__)
#define _GNU_SOURCE
#endif

#include "runtime.h"

#include <stdatomic.h>
#include <stdio.h>

#if NJ_POLL_CLOCK
#include <time.h>

// Without signals the hook comes every so many instructions and reads the clock.
#define POLL_INSTRUCTIONS 1000

static uint64_t thread_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void look_at_clock(nj_watch *watch) {
    if (thread_time() >= watch->deadline) watch->has_expired = 1;
}
#else
static void look_at_clock(nj_watch *watch) { (void)watch; }
#endif

static void raise_deadline(lua_State *L, const nj_vm *vm) {
    char text[96];
    nj_watch_describe(vm, text, sizeof text);
    nj_raise_located(L, NJ_DEADLINE, text);
}

// Ticks that are given for a collection which the quota demands within an event. What it takes beyond them is the script's
// time: a heap of small objects takes longer to collect than an event may last.
#define FREE_TICKS 2

// Powers of 2 in bytes (lua_gc, LUA_GCINC, Lua 5.4 manual, section 4.6). The second is Lua's own: such a step may sweep 50,000
// objects, which takes more than a millisecond, or 50 of them where they are coroutines.
#define SMALL_STEP 7
#define ORDINARY_STEP 13

bool nj_collect_step(lua_State *L) {
    lua_gc(L, LUA_GCINC, 0, 0, SMALL_STEP);
    bool is_over = lua_gc(L, LUA_GCSTEP, 0) != 0;
    lua_gc(L, LUA_GCINC, 0, 0, ORDINARY_STEP);
    return is_over;
}

static void give_time(nj_watch *watch, uint32_t ticks) {
#if NJ_POLL_CLOCK
    // What was given and not used is taken back.
    uint64_t now = thread_time();
    if (ticks > 0) {
        watch->free_until = now + (uint64_t)ticks * NJ_TICK_MILLISECONDS * 1000000;
        watch->deadline += watch->free_until - now;
    } else if (now < watch->free_until) {
        watch->deadline -= watch->free_until - now;
        watch->free_until = now;
    }
#endif
    watch->free_ticks = ticks;
}

void nj_watch_collect(lua_State *L, const size_t *used, size_t enough) {
    nj_vm *vm = nj_vm_of(L);
    // Only the first in an event has time given to it, or a loop around it would never reach the deadline.
    give_time(&vm->watch, vm->watch.has_collected ? 0 : FREE_TICKS);
    vm->watch.has_collected = true;
    // What became garbage within the cycle that had begun is found by the next.
    for (int cycle = 0; cycle < 2 && *used > enough; cycle++) {
        while (!nj_collect_step(L)) {
            look_at_clock(&vm->watch);
            if (vm->watch.has_expired) raise_deadline(L, vm);
        }
    }
    give_time(&vm->watch, 0);
    vm->allocator.floor = vm->allocator.used;
}

// The script is told only if a collection left less than an eighth of the quota.
static void relieve(lua_State *L, nj_vm *vm) {
    nj_allocator *allocator = &vm->allocator;
    size_t enough = allocator->quota - allocator->quota / 8;
    nj_watch_collect(L, &allocator->used, enough);
    allocator->is_pressed = false;
    if (allocator->used <= enough) return;
    char text[96];
    nj_quota_describe(vm, text, sizeof text);
    nj_raise_located(L, NJ_MEMORY, text);
}

void nj_watch_act(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    look_at_clock(&vm->watch);
    if (vm->watch.has_expired) raise_deadline(L, vm);
    if (vm->allocator.is_pressed) relieve(L, vm);
}

static void hook(lua_State *L, lua_Debug *activation);

static void disarm(lua_State *L) {
#if NJ_POLL_CLOCK
    lua_sethook(L, hook, LUA_MASKCOUNT, POLL_INSTRUCTIONS);
#else
    lua_sethook(L, NULL, 0, 0);
#endif
}

// Uses 2 slots.
static void hook(lua_State *L, lua_Debug *activation) {
    (void)activation;
    const nj_vm *vm = nj_vm_of(L);
    if (!vm->watch.has_expired && !vm->allocator.is_pressed) disarm(L);
    nj_watch_act(L);
}

void nj_watch_arm(nj_vm *vm) {
    lua_sethook(vm->watch.thread, hook, LUA_MASKCOUNT | LUA_MASKCALL, 1);
}

void nj_watch_prepare(nj_vm *vm) {
#if NJ_POLL_CLOCK
    disarm(vm->main);
#else
    (void)vm;
#endif
}

void nj_watch_enter(nj_vm *vm, uint32_t ticks) {
    nj_watch *watch = &vm->watch;
    watch->clock->epoch += 1;
    watch->thread = vm->main;
    watch->budget = ticks;
    watch->cause = NJ_CAUSE_CPU;
    watch->free_ticks = 0;
    watch->has_collected = false;
#if NJ_POLL_CLOCK
    watch->started = thread_time();
    watch->deadline = watch->started + (uint64_t)ticks * NJ_TICK_MILLISECONDS * 1000000;
#endif
    atomic_signal_fence(memory_order_seq_cst);
    nj_running_vm = vm;
}

void nj_watch_leave(nj_vm *vm) {
    nj_running_vm = NULL;
    atomic_signal_fence(memory_order_seq_cst);
    vm->watch.has_expired = 0;
    // The hook may be left on another coroutine than the next event's.
    vm->allocator.is_pressed = false;
#if NJ_POLL_CLOCK
    // What is left of a tick counts towards the next, or events shorter than one would never add up.
    uint64_t busy = vm->watch.busy_rest + (thread_time() - vm->watch.started);
    vm->watch.busy_ticks += (uint32_t)(busy / (NJ_TICK_MILLISECONDS * 1000000));
    vm->watch.busy_rest = busy % (NJ_TICK_MILLISECONDS * 1000000);
    // Nor does what is looked at between events.
    vm->watch.deadline = UINT64_MAX;
#endif
}

void nj_watch_check(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    look_at_clock(&vm->watch);
    if (vm->watch.has_expired) raise_deadline(L, vm);
    // The hook may have been set on a coroutine that is over.
    if (vm->allocator.is_pressed) nj_watch_arm(vm);
    vm->raising = NJ_RUNTIME;
}

void nj_quota_describe(const nj_vm *vm, char *text, size_t capacity) {
    snprintf(text, capacity, "%s: the limit is %zu bytes", NJ_OUT_OF_MEMORY, vm->allocator.quota);
}

void nj_watch_describe(const nj_vm *vm, char *text, size_t capacity) {
    switch (vm->watch.cause) {
    case NJ_CAUSE_CPU:
        snprintf(text, capacity, "%s ran longer than %u ms of CPU time",
                 vm->phase == NJ_PHASE_RUN ? "handler" : vm->phase == NJ_PHASE_SAVE ? "save" : "loading",
                 vm->watch.budget * NJ_TICK_MILLISECONDS);
        break;
    case NJ_CAUSE_WALL:
        snprintf(text, capacity, "handler waited until it was %g s old, and may get no older", vm->limits.wall / 1000.0);
        break;
    case NJ_CAUSE_ENDING:
        snprintf(text, capacity, "handler ended with the server, or with its version of the script");
        break;
    }
}
