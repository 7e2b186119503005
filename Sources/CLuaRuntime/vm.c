//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The VM: made, loaded, run and destroyed. Whatever runs in it runs in a coroutine that is used again for the next event,
// unless the handler waits and keeps it. Its body is a C function that is handed a light userdata and pushes everything else itself: nothing
// that allocates happens outside lua_resume or lua_pcall.

#define _GNU_SOURCE

#include "runtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// What a heap may grow to before it is collected again, in percent of what was left. With Lua's own 200 a script that echoes
// 64 KB collects all that it holds at every third message. A heap that is large for its quota has Lua's.
#define PAUSE_OF_SMALL 400
#define PAUSE_OF_LARGE 200

static int panic(lua_State *L) {
    // Every call is protected, so this is a mistake of ours, and longjmp has nowhere to go.
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "an error without text";
    fprintf(stderr, "nightjar: aborted, an unprotected error in Lua: %s\n", text);
    abort();
}

static int make_idle(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    lua_State *idle = lua_newthread(L);
    vm->idle_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    vm->idle = idle;
    vm->event_threads += 1;
    return 0;
}

// Uses 4 slots.
static int open_libraries(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    nj_weak_open(L);
    // Lua makes these while it handles an error, when it cannot fail: being there already, they are not allocated.
    lua_pushliteral(L, "error in error handling");
    luaL_ref(L, LUA_REGISTRYINDEX);
    lua_pushliteral(L, "C stack overflow");
    luaL_ref(L, LUA_REGISTRYINDEX);
    vm->text = lua_pushliteral(L, "text");
    vm->text_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    vm->binary = lua_pushliteral(L, "binary");
    vm->binary_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_newtable(L);
    vm->modules_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    nj_connection_open(L);
    nj_request_open(L);
    nj_http_open(L);
    nj_sandbox_open(L);
    return make_idle(L);
}

nj_vm *nj_vm_create(const nj_limits *limits, const nj_host *host, nj_clock *clock, nj_shared *shared,
                    const char *product_version) {
    nj_vm *vm = calloc(1, sizeof *vm);
    if (vm == NULL) return NULL;
    vm->host = *host;
    nj_vm_set_limits(vm, limits);
    vm->instance = 1;
    vm->allocator.fail_from = limits->fail_from;
    vm->allocator.fail_count = limits->fail_count;
    vm->watch.clock = clock;
    vm->outbox.records.vm = vm;
    vm->answer.bytes.vm = vm;
    vm->scratch.vm = vm;
    vm->names.bytes.vm = vm;
    vm->settings.vm = vm;
    vm->shared = shared;
    vm->product_version = product_version;
    for (int kind = 0; kind < NJ_HANDLER_COUNT; kind++) vm->handler_refs[kind] = LUA_NOREF;
    vm->load_ref = vm->save_ref = vm->on_ref = vm->invalid_ref = vm->results_ref = vm->seen_ref =
        LUA_NOREF;
    vm->owners_ref = LUA_NOREF;
    nj_vm_set_key(vm, "type", 4);
    vm->main = lua_newstate(nj_allocate, vm);
    if (vm->main == NULL) {
        free(vm);
        return NULL;
    }
    lua_atpanic(vm->main, panic);
    *(nj_vm **)lua_getextraspace(vm->main) = vm;
    lua_gc(vm->main, LUA_GCINC, PAUSE_OF_SMALL, 0, 0);
    nj_watch_prepare(vm);
    lua_pushcfunction(vm->main, open_libraries);
    int status = lua_pcall(vm->main, 0, 0, 0);
    vm->product_version = NULL;
    if (status != LUA_OK) {
        nj_vm_destroy(vm);
        return NULL;
    }
    return vm;
}

void nj_vm_close(nj_vm *vm) {
    if (vm->main == NULL) return;
    lua_close(vm->main);
    vm->main = NULL;
    for (int kind = 0; kind < NJ_HANDLER_COUNT; kind++) vm->handler_refs[kind] = LUA_NOREF;
    nj_bytes_empty(&vm->outbox.records, 0);
    nj_bytes_empty(&vm->answer.bytes, 0);
    nj_bytes_empty(&vm->scratch, 0);
    nj_bytes_empty(&vm->names.bytes, 0);
    nj_bytes_empty(&vm->settings, 0);
    nj_blob_release(vm->held);
    vm->held = NULL;
    vm->outbox.read = 0;
}

void nj_vm_destroy(nj_vm *vm) {
    nj_vm_close(vm);
    free(vm);
}

// MARK: Running

static int finish_frame(lua_State *L, int status, lua_KContext context) {
    (void)context;
    nj_vm *vm = nj_vm_of(L);
    if (status != LUA_OK && status != LUA_YIELD) nj_failure_describe(L, vm, status);
    else if (vm->limits.is_development) nj_state_check(L, vm);
    return 0;
}

// The body of the coroutine. The call in between takes the traceback where the error is, closes what is to be closed
// within the same deadline, and leaves nothing to be reset. The frame is gone when a handler that waited goes on.
static int run_frame(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const nj_event_frame *frame = lua_touserdata(L, 1);
    lua_pushcfunction(L, nj_failure_handler);
    int arguments = frame->push(L, vm, frame->what);
    vm->is_unhandled = arguments < 0;
    if (vm->is_unhandled) return 0;
    return finish_frame(L, lua_pcallk(L, arguments, 0, 2, 0, finish_frame), 0);
}

// Gives the task the coroutine that waits for an event, or a new one. Does not raise.
static int take_idle(nj_vm *vm) {
    if (vm->idle == NULL) {
        lua_pushcfunction(vm->main, make_idle);
        int status = lua_pcall(vm->main, 0, 0, 0);
        if (status != LUA_OK) {
            lua_pop(vm->main, 1);
            return status;
        }
    }
    vm->task.thread = vm->idle;
    vm->task.ref = vm->idle_ref;
    vm->idle = NULL;
    lua_pushcfunction(vm->task.thread, run_frame);
    return LUA_OK;
}

static nj_outcome run_task(nj_vm *vm, const nj_event_frame *frame, bool is_new) {
    lua_State *thread = vm->task.thread;
    if (is_new) {
        lua_pushlightuserdata(thread, (void *)(uintptr_t)frame);
    } else {
        frame->push(thread, vm, frame->what);
    }
    vm->watch.thread = thread;
    int results = 0;
    int status = lua_resume(thread, vm->main, 1, &results);
    vm->watch.thread = vm->main;
    if (status == LUA_YIELD) return NJ_SUSPENDED;
    if (status != LUA_OK) {
        // Not the script's code, which runs in a protected call, but our pushing and describing ran out of memory.
        nj_failure_plain(vm, status, "the handler could not be run");
    }
    // What a failed handler left on its stack would be kept alive by the next one's frame. And Lua tells no stack's
    // size: what grows in place are stacks, tables and buffers, and payloads are none of them.
    if (is_new && !vm->has_failed && !vm->allocator.grew_large) {
        vm->idle = thread;
        vm->idle_ref = vm->task.ref;
    } else {
        luaL_unref(vm->main, LUA_REGISTRYINDEX, vm->task.ref);
        vm->event_threads -= 1;
    }
    return vm->has_failed ? NJ_FAILED : vm->is_unhandled ? NJ_UNHANDLED : NJ_FINISHED;
}

nj_outcome nj_vm_run(nj_vm *vm, const nj_task *task, const nj_event_frame *frame, uint32_t ticks) {
    if (vm->is_running) {
        fputs("nightjar: aborted, an event was dispatched from within another\n", stderr);
        abort();
    }
    vm->is_running = true;
    vm->has_failed = false;
    vm->is_unhandled = false;
    vm->results_ref = LUA_NOREF;
    vm->raising = NJ_RUNTIME;
    vm->failure.line = 0;
    vm->failure.file[0] = '\0';
    vm->failure.traceback_length = 0;
    vm->allocator.grew_large = false;
    vm->task = *task;
    nj_watch_enter(vm, ticks);
    bool is_new = task->thread == NULL;
    int status = is_new ? take_idle(vm) : LUA_OK;
    nj_outcome outcome = NJ_FAILED;
    if (status == LUA_OK) {
        outcome = run_task(vm, frame, is_new);
    } else {
        nj_failure_plain(vm, status, "the handler could not be run");
    }
    vm->task.thread = NULL;
    vm->known_text = NULL;
    nj_watch_leave(vm);
    if (vm->scratch.capacity > NJ_OUTBOX_KEPT) nj_bytes_empty(&vm->scratch, NJ_OUTBOX_KEPT);
    nj_blob_release(vm->held);
    vm->held = NULL;
    vm->is_running = false;
    return outcome;
}

// MARK: Loading

// Runs the script whose source is the argument.
static int load_script(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    const nj_source *source = lua_touserdata(L, 1);
    nj_chunk_push(L, vm, source);
    lua_call(L, 0, 1);
    nj_handlers_take(L, vm, source->name);
    nj_sandbox_seal(L);
    return 0;
}

static int push_load(lua_State *L, nj_vm *vm, const void *what) {
    (void)vm;
    lua_pushcfunction(L, load_script);
    lua_pushlightuserdata(L, (void *)(uintptr_t)what);
    return 1;
}

bool nj_vm_run_phase(nj_vm *vm, nj_phase phase, const nj_event_frame *frame, uint32_t ticks) {
    nj_task task = {.kind = NJ_EVENT_SPAWN};
    vm->phase = phase;
    nj_outcome outcome = nj_vm_run(vm, &task, frame, ticks);
    vm->phase = NJ_PHASE_RUN;
    return outcome == NJ_FINISHED;
}

bool nj_vm_load(nj_vm *vm, const char *name, const void *source, size_t length) {
    snprintf(vm->script, sizeof vm->script, "%s", name);
    nj_source script = {.name = name, .bytes = length > 0 ? source : "", .length = length};
    nj_event_frame frame = {.push = push_load, .what = &script};
    return nj_vm_run_phase(vm, NJ_PHASE_TOP, &frame, vm->limits.load_ticks);
}

void nj_vm_set_key(nj_vm *vm, const void *key, size_t length) {
    vm->key_length = length < sizeof vm->key ? length : sizeof vm->key;
    memcpy(vm->key, key, vm->key_length);
}

void nj_vm_set_limits(nj_vm *vm, const nj_limits *limits) {
    nj_allocator *allocator = &vm->allocator;
    vm->limits = *limits;
    allocator->quota = limits->memory;
    // A script that holds more than this already is told so by the hook, as one that has grown.
    size_t most = allocator->used > limits->memory ? allocator->used : limits->memory;
    allocator->limit = limits->memory > SIZE_MAX - most ? SIZE_MAX : most + limits->memory;
}

void nj_vm_set_instance(nj_vm *vm, uint32_t instance, uint32_t instances) {
    vm->instance = instance;
    vm->instances = instances;
}

void nj_vm_set_clock(nj_vm *vm, nj_clock *clock) { vm->watch.clock = clock; }

// Of one slice of a collection between events.
#define COLLECTION_NANOSECONDS 500000

static int64_t monotonic_time(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

bool nj_vm_collect(nj_vm *vm) {
    if (vm->main == NULL) return true;
    int64_t end = monotonic_time() + COLLECTION_NANOSECONDS;
    do {
        if (nj_collect_step(vm->main)) {
            vm->allocator.floor = vm->allocator.used;
            return true;
        }
    } while (monotonic_time() < end);
    return false;
}

bool nj_vm_pace(nj_vm *vm) {
    if (vm->main == NULL) return false;
    nj_allocator *allocator = &vm->allocator;
    bool is_large = allocator->used > allocator->quota / 8;
    lua_gc(vm->main, LUA_GCINC, is_large ? PAUSE_OF_LARGE : PAUSE_OF_SMALL, 0, 0);
    if (allocator->used < allocator->floor) allocator->floor = allocator->used;
    size_t room = allocator->quota > allocator->floor ? allocator->quota - allocator->floor : 0;
    return allocator->used - allocator->floor > room / 2;
}

// MARK: What the host reads

const nj_failure *nj_vm_failure(const nj_vm *vm) { return &vm->failure; }

nj_usage nj_vm_usage(const nj_vm *vm) {
    return (nj_usage){
        .used = vm->allocator.used,
        .peak = vm->allocator.peak,
        .allocations = vm->allocator.calls,
    };
}

uint32_t nj_vm_busy_ticks(const nj_vm *vm) { return vm->watch.busy_ticks; }
