//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The clock of a thread: a timer that sends the thread a signal at every tick of the CPU time that it uses. The handler
// looks at the VM that runs on this thread. The same event for its whole budget has the hook set on the running
// coroutine, which is what Lua allows a signal handler to do (lua_sethook, Lua 5.4 manual, section 4.7), and again at
// every tick until the event is over. An event that even so does not end is stuck in C code: the process is aborted.

#if defined(__linux__)
#define _GNU_SOURCE
#endif

#include "runtime.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

_Thread_local nj_vm *volatile nj_running_vm;

#if NJ_POLL_CLOCK

bool nj_clock_is_signalled(void) { return false; }

nj_clock *nj_clock_create(void) { return calloc(1, sizeof(nj_clock)); }

void nj_clock_destroy(nj_clock *clock) { free(clock); }

#else

#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_SIGNAL (SIGRTMIN + 7)

static void write_text(const char *text) {
    if (write(STDERR_FILENO, text, strlen(text)) < 0) return;
}

// The script's name goes out first: reading the stack of a state that is stuck inside C may itself fail.
static void abort_stuck(nj_vm *vm) {
    write_text("nightjar: aborted, a script cannot be stopped: ");
    write_text(vm->script);
    lua_Debug activation;
    for (int level = 0; lua_getstack(vm->watch.thread, level, &activation); level++) {
        lua_getinfo(vm->watch.thread, "Sl", &activation);
        if (activation.currentline < 0) continue;
        char line[LUA_IDSIZE + 32];
        snprintf(line, sizeof line, ", at %s:%d", activation.short_src, activation.currentline);
        write_text(line);
        break;
    }
    write_text("\n");
    abort();
}

static void tick(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    nj_vm *vm = nj_running_vm;
    if (vm == NULL) return;
    nj_clock *clock = vm->watch.clock;
    // A thread may have several clocks, each with ticks of its own.
    if (info->si_value.sival_ptr != clock) return;
    // On a crowded machine several ticks may come as one signal.
    uint32_t ticks = 1 + (info->si_overrun > 0 ? (uint32_t)info->si_overrun : 0);
    vm->watch.busy_ticks += ticks;
    if (clock->seen_epoch != clock->epoch) {
        // The event began somewhere in the tick that ends now, so this one does not count.
        clock->seen_epoch = clock->epoch;
        clock->budget_ticks = 0;
        clock->stuck_ticks = 0;
        return;
    }
    clock->stuck_ticks += ticks;
    if (clock->stuck_ticks >= vm->limits.stuck_ticks) abort_stuck(vm);
    uint32_t free_ticks = ticks < vm->watch.free_ticks ? ticks : vm->watch.free_ticks;
    vm->watch.free_ticks -= free_ticks;
    clock->budget_ticks += ticks - free_ticks;
    if (clock->budget_ticks < vm->watch.budget) return;
    vm->watch.has_expired = 1;
    nj_watch_arm(vm);
}

static bool install_handler(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = tick;
    action.sa_flags = SA_RESTART | SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    return sigaction(TICK_SIGNAL, &action, NULL) == 0;
}

// A thread starts with the signal mask of the one that made it, and some runtimes block everything there: a tick that
// is blocked would never end a script.
static bool let_through(void) {
    sigset_t ticks;
    sigemptyset(&ticks);
    sigaddset(&ticks, TICK_SIGNAL);
    return pthread_sigmask(SIG_UNBLOCK, &ticks, NULL) == 0;
}

bool nj_clock_is_signalled(void) { return true; }

nj_clock *nj_clock_create(void) {
    nj_clock *clock = calloc(1, sizeof *clock);
    if (clock == NULL) return NULL;
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = TICK_SIGNAL;
    event.sigev_value.sival_ptr = clock;
    event._sigev_un._tid = gettid();
    struct itimerspec interval = {
        .it_interval = {.tv_nsec = NJ_TICK_MILLISECONDS * 1000000},
        .it_value = {.tv_nsec = NJ_TICK_MILLISECONDS * 1000000},
    };
    timer_t timer;
    if (!install_handler() || !let_through() || timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) {
        free(clock);
        return NULL;
    }
    clock->timer = timer;
    if (timer_settime(timer, 0, &interval, NULL) != 0) {
        int reason = errno;
        nj_clock_destroy(clock);
        errno = reason;
        return NULL;
    }
    return clock;
}

void nj_clock_destroy(nj_clock *clock) {
    timer_delete(clock->timer);
    free(clock);
}

#endif
