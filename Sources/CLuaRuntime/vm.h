//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The VM: what it holds, what runs in it, how it fails, and what it has for its host.

#ifndef NJ_VM_H
#define NJ_VM_H

#include "memory.h"
#include "watch.h"

#include <lauxlib.h>
#include <lua.h>

// MARK: outbox.c

typedef struct nj_outbox {
    nj_bytes records;
    size_t read;
    // What the host reads now.
    nj_effect next;
} nj_outbox;

#define NJ_OUTBOX_FLUSH (256 * 1024)
#define NJ_OUTBOX_KEPT (64 * 1024)

// Makes room for one more effect, so that nj_outbox_append cannot fail; has the host apply what waits when that is
// much.
void nj_outbox_reserve(lua_State *L, nj_vm *vm, size_t length, size_t except_count,
                       size_t key_length);
// Does not raise. The effect's pointers are copied from.
void nj_outbox_append(nj_vm *vm, const nj_effect *effect);

// MARK: The VM

// What runs, or waits: an event's handler in its coroutine.
typedef struct nj_task {
    // Of a task that waits; one that waits again has another.
    uint64_t number;
    lua_State *thread;
    // The registry's reference that keeps the coroutine.
    int ref;
    nj_event_kind kind;
    // For log lines, and for conn:receive.
    bool has_connection;
    uint64_t connection;
} nj_task;

// What the script may do: the top level and `save` have no effects, and `load` may only make timers.
typedef enum nj_phase { NJ_PHASE_RUN, NJ_PHASE_TOP, NJ_PHASE_LOAD, NJ_PHASE_SAVE } nj_phase;

typedef struct nj_event_frame {
    // Pushes a function and its arguments and answers the number of arguments, or -1 when there is nothing to run.
    int (*push)(lua_State *L, nj_vm *vm, const void *what);
    const void *what;
} nj_event_frame;

typedef struct nj_source {
    const char *name;
    const void *bytes;
    size_t length;
} nj_source;

#define NJ_MOST_WARNINGS 16

struct nj_vm {
    lua_State *main;
    // The coroutine for the next event, and its reference; NULL when that makes another.
    lua_State *idle;
    int idle_ref;
    // The name under which the collector looks for a table's mode.
    int mode_ref;
    // Coroutines that handlers run in, the idle one and those that wait.
    size_t event_threads;
    nj_task task;
    // Numbers tasks, timers and spawned bodies.
    uint64_t last_task;
    nj_host host;
    nj_allocator allocator;
    nj_watch watch;
    nj_outbox outbox;
    // What a function of the host handed over last; the connections that a broadcast excepts.
    nj_answer answer;
    // The rooms that a broadcast names.
    nj_answer names;
    // What a function puts together before it is a string or an effect; the next use overwrites it.
    nj_bytes scratch;
    nj_shared *shared;
    // A value that is being read: here, so that it is released whatever is raised meanwhile.
    nj_blob *held;
    nj_limits limits;
    // The settings of the script, until they have been read.
    nj_bytes settings;
    size_t settings_read;
    uint32_t instance, instances;

    // Registry references.
    int handler_refs[NJ_HANDLER_COUNT], connections_ref, connection_metatable_ref, headers_metatable_ref, modules_ref,
        ws_ref, text_ref, binary_ref, tasks_ref, spawned_ref, timers_ref, timer_metatable_ref, load_ref,
        save_ref, on_ref, invalid_ref, json_null_ref,
        json_array_ref, room_metatable_ref, upgrades_ref;
    // The tables that the check of states has met, while one goes on.
    int seen_ref;
    // Under --dev, whose state a table was seen in: table to id, with weak keys.
    int owners_ref;
    // The handler whose results are read, for the place of what is wrong with them.
    int results_ref;
    // Compared by address, too: Lua has each short string once.
    const char *text, *binary;
    // The string of the text message whose event runs, which the server has found to be UTF-8; NULL while there is none.
    const char *known_text;
    // Compared by address: a userdata with this metatable is a connection, a timer or a Room.
    const void *connection_metatable, *timer_metatable, *room_metatable;
    // The one value that is JSON's null, and the metatable that marks arrays.
    const void *json_null, *json_array_metatable;
    bool connect_takes_request;
    // The field of a JSON message that names its entry in `on`.
    char key[NJ_LONGEST_MESSAGE_KEY];
    size_t key_length;

    const char *product_version;
    // For the signal handler: a copy, so that it is there as long as the VM.
    char script[256];
    nj_phase phase;
    bool is_running;
    int close_depth;

    // The kinds of warnings about states that have been given.
    uint64_t warnings[NJ_MOST_WARNINGS];
    int warning_count;

    // What kind of error is being raised; NJ_RUNTIME again once it is caught.
    nj_failure_kind raising;
    bool has_failed, is_unhandled;
    nj_failure failure;
};

static inline bool nj_outbox_is_empty(const nj_vm *vm) { return vm->outbox.read == vm->outbox.records.length; }

// Lua copies a state's extra space into each coroutine made from it. Does not raise.
static inline nj_vm *nj_vm_of(lua_State *L) { return *(nj_vm **)lua_getextraspace(L); }

// The hook does not run while a C function does: one that works long calls this at each step. May raise.
static inline void nj_watch_look(lua_State *L, nj_vm *vm) {
#if NJ_POLL_CLOCK
    vm->watch.looks += 1;
    if (vm->watch.looks % 256 == 0) nj_watch_act(L);
#else
    if (vm->watch.has_expired || vm->allocator.is_pressed) nj_watch_act(L);
#endif
}

// Compiles a chunk and pushes it, or raises what is wrong with it in the name of the source.
void nj_chunk_push(lua_State *L, nj_vm *vm, const nj_source *source);
// Runs a frame in the coroutine of the task, or in the next one when it has none. Does not raise.
nj_outcome nj_vm_run(nj_vm *vm, const nj_task *task, const nj_event_frame *frame, uint32_t ticks);
// The same for what is no event; answers whether it ended well.
bool nj_vm_run_phase(nj_vm *vm, nj_phase phase, const nj_event_frame *frame, uint32_t ticks);

// MARK: failure.c

#define NJ_OUT_OF_MEMORY "not enough memory"

// Takes file, line and traceback from the stack, from `level` on. Does not raise or allocate.
void nj_failure_locate(nj_vm *vm, lua_State *L, int level);
// A message handler that locates and leaves the error as it is.
int nj_failure_handler(lua_State *L);
// Fills the VM's failure from the error at the top, and pops it. Runs the error's own __tostring, protected.
void nj_failure_describe(lua_State *L, nj_vm *vm, int status);
// The same for an error that came while memory was exhausted: what it is, and nothing of Lua. Does not raise.
void nj_failure_plain(nj_vm *vm, int status, const char *message);
// Raises the formatted message with the position of the caller, or of the handler whose results are read, as a failure of
// the given kind. Uses 4 slots.
int nj_raise(lua_State *L, nj_failure_kind kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

// Raises that a function has no effect where the script is now; only while it is no handler that runs.
int nj_raise_phase(lua_State *L, const nj_vm *vm, const char *function);
// Raises a limit's sentence with the place where the script was, also from the hook. Uses 1 slot.
int nj_raise_located(lua_State *L, nj_failure_kind kind, const char *text);

// MARK: settings.c

// Writes down the setting at the top, whose key is below it. Stack: key, value. Uses 8 slots.
void nj_settings_take(lua_State *L, nj_vm *vm, const char *script);

#endif
