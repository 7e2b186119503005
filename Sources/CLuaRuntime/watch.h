//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The deadlines of a VM: the clock of its thread, and what its hook looks at.

#ifndef NJ_WATCH_H
#define NJ_WATCH_H

#include "CLuaRuntime.h"

#include <lua.h>
#include <signal.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define NJ_POLL_CLOCK 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || !defined(__linux__)
#define NJ_POLL_CLOCK 1
#endif

// MARK: watch.c and clock.c

typedef enum nj_cause { NJ_CAUSE_CPU, NJ_CAUSE_WALL, NJ_CAUSE_ENDING } nj_cause;

typedef struct nj_watch {
    nj_clock *clock;
    // The coroutine that runs now: where the hook must be set. Always alive.
    lua_State *volatile thread;
    volatile uint32_t budget;
    volatile uint32_t busy_ticks;
    volatile sig_atomic_t has_expired;
    // Why it has.
    nj_cause cause;
    // The ticks that a collection which the quota demands may still take before its time is the script's.
    volatile uint32_t free_ticks;
    bool has_collected;
#if NJ_POLL_CLOCK
    // Nanoseconds of the thread's CPU time; `busy_rest` is less than a tick.
    uint64_t started, deadline, free_until, busy_rest;
    uint32_t looks;
#endif
} nj_watch;

// Begin and end the time in which the VM's budget of `ticks` runs. Do not raise.
void nj_watch_enter(nj_vm *vm, uint32_t ticks);
void nj_watch_leave(nj_vm *vm);
// A step of a collection, tens of microseconds long but for the one that ends the marking; true at the end of a cycle. Does not
// raise.
bool nj_collect_step(lua_State *L);
// Collects, in steps, until no more than `enough` is used of what `used` counts, or nothing is left to collect. Raises when the
// deadline passes, which it does later by the first such collection's first milliseconds.
void nj_watch_collect(lua_State *L, const size_t *used, size_t enough);
// Installs the permanent hook where the clock cannot signal. Does not raise.
void nj_watch_prepare(nj_vm *vm);
// Makes the hook look at the next instruction. Does not raise; safe in a signal handler.
void nj_watch_arm(nj_vm *vm);
// Raises if the deadline has passed. For every place where an error was caught or a coroutine returned.
void nj_watch_check(lua_State *L);
// What the hook does when it comes: raises beyond the deadline, and looks after the quota.
void nj_watch_act(lua_State *L);
// The sentences of the limits of time and of memory. Do not raise.
void nj_watch_describe(const nj_vm *vm, char *text, size_t capacity);
void nj_quota_describe(const nj_vm *vm, char *text, size_t capacity);

struct nj_clock {
    volatile uint32_t epoch;
    volatile uint32_t seen_epoch;
    volatile uint32_t budget_ticks, stuck_ticks;
#if !NJ_POLL_CLOCK
    void *timer;
#endif
};

// The VM that runs on this thread, for the signal handler, which may not take what could allocate the thread's storage.
extern _Thread_local nj_vm *volatile nj_running_vm __attribute__((tls_model("initial-exec")));

#endif
