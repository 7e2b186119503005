//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// What the C files share: the VM and the functions across files. Each comment "Uses n slots" counts what a function
// needs of the Lua stack at its peak; a C function has LUA_MINSTACK (20) to begin with. A function that takes a
// lua_State may raise unless it says that it does not.

#ifndef NJ_RUNTIME_H
#define NJ_RUNTIME_H

#include "CLuaRuntime.h"

#include <lauxlib.h>
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

// MARK: allocator.c

typedef struct nj_allocator {
    size_t used, peak, quota, limit;
    uint64_t calls, fail_from, fail_count;
    // The quota was crossed and the hook has not looked at it yet.
    bool is_pressed;
    // A live block was grown beyond NJ_LARGE_STACK in this event.
    bool grew_large;
} nj_allocator;

#define NJ_LARGE_STACK (64 * 1024)

// A lua_Alloc whose `ud` is the VM. Does not raise.
void *nj_allocate(void *ud, void *block, size_t old_size, size_t new_size);

// MARK: bytes.c

// A buffer on the VM's allocator; what did not fit is remembered in `failed`.
typedef struct nj_bytes {
    nj_vm *vm;
    uint8_t *start;
    size_t length, capacity;
    bool failed;
} nj_bytes;

struct nj_answer {
    nj_bytes bytes;
};

// None of them raises.
bool nj_bytes_reserve(nj_bytes *bytes, size_t extra);
void nj_bytes_append(nj_bytes *bytes, const void *source, size_t length);
void nj_bytes_empty(nj_bytes *bytes, size_t kept_capacity);
// The position of the first byte, counted from 1, that makes the text invalid UTF-8; 0 when there is none.
size_t nj_utf8_error(const char *text, size_t length);
// The length of the longest start of a valid text that has at most `limit` bytes and cuts no character.
size_t nj_utf8_cut(const char *text, size_t length, size_t limit);

// MARK: number.c

// Room for any number's text.
#define NJ_NUMBER_CAPACITY 32

typedef struct nj_number {
    bool is_integer;
    lua_Integer integer;
    double real;
    // NULL when it is a number.
    const char *why;
} nj_number;

// Write a number, the float a finite one, and answer the length. None of them raises.
size_t nj_number_write_integer(lua_Integer value, char *text);
size_t nj_number_write_float(double value, char *text);
// Reads the number that begins at `start`, before `end`, and answers where it ends, or the byte that is wrong.
const char *nj_number_read(const char *start, const char *end, nj_number *number);

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
    // A collection that the quota demanded: its time is not the script's.
    volatile sig_atomic_t is_collecting;
    bool has_collected;
#if NJ_POLL_CLOCK
    // Nanoseconds of the thread's CPU time; `busy_rest` is less than a tick.
    uint64_t started, deadline, busy_rest;
    uint32_t looks;
#endif
} nj_watch;

// Begin and end the time in which the VM's budget of `ticks` runs. Do not raise.
void nj_watch_enter(nj_vm *vm, uint32_t ticks);
void nj_watch_leave(nj_vm *vm);
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

// MARK: outbox.c

typedef struct nj_outbox {
    nj_bytes records;
    size_t read;
} nj_outbox;

#define NJ_OUTBOX_FLUSH (256 * 1024)
#define NJ_OUTBOX_KEPT (64 * 1024)

// Makes room for one more effect, so that nj_outbox_append cannot fail; has the host apply what waits when that is
// much.
void nj_outbox_reserve(lua_State *L, nj_vm *vm, size_t length, size_t except_count,
                       size_t key_length);
// Does not raise. The effect's pointers are copied from.
void nj_outbox_append(nj_vm *vm, const nj_effect *effect);

// MARK: settings.c

// Writes down the setting at the top, whose key is below it. Stack: key, value. Uses 8 slots.
void nj_settings_take(lua_State *L, nj_vm *vm, const char *script);

// MARK: shared.c

// Bytes that several threads read; freed when the last has released them.
typedef struct nj_blob nj_blob;

typedef enum nj_change_result { NJ_CHANGE_DONE, NJ_CHANGE_LATE, NJ_CHANGE_FULL } nj_change_result;

// What is to become of a key.
typedef struct nj_change {
    const char *key;
    size_t key_length;
    // NULL to delete the key; taken over by nj_shared_change.
    nj_blob *value;
    // The version that the key must have with `needs_version`, or else the change is late; 0 when there is none. Afterwards
    // the one that it had.
    uint64_t version;
    bool needs_version;
    // Nanoseconds until the value expires, or 0; with `keeps_ttl` only for a key that is new.
    int64_t ttl;
    bool keeps_ttl;
} nj_change;

// None of them raises. NULL when there is no memory.
nj_blob *nj_blob_create(const void *bytes, size_t length);
const void *nj_blob_bytes(const nj_blob *blob, size_t *length);
void nj_blob_release(nj_blob *blob);
// The value of a key, to be released, and its version; NULL and 0 when there is none.
nj_blob *nj_shared_get(nj_shared *shared, const char *key, size_t key_length, uint64_t *version);
nj_change_result nj_shared_change(nj_shared *shared, nj_change *change);
size_t nj_shared_capacity(const nj_shared *shared);

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

// What the script may do: the top level has no effects, and `load` may only make timers.
typedef enum nj_phase { NJ_PHASE_RUN, NJ_PHASE_TOP, NJ_PHASE_LOAD } nj_phase;

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
    // The handler whose results are read, for the place of what is wrong with them.
    int results_ref;
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

// Raises a limit's sentence with the place where the script was, also from the hook. Uses 1 slot.
int nj_raise_located(lua_State *L, nj_failure_kind kind, const char *text);

// MARK: names.c

typedef enum nj_standing { NJ_KNOWN, NJ_LATER, NJ_RESERVED } nj_standing;

typedef struct nj_name {
    const char *name;
    nj_standing standing;
} nj_name;

// What a script names has a length: a zero byte inside would hide the rest from C. None of them raises.
bool nj_names_equal(const char *name, size_t length, const char *word);
// Writes at most 64 bytes of the name, zero and the other control characters as escapes, and answers `quoted`.
#define NJ_QUOTED_CAPACITY 72
const char *nj_names_quote(const char *name, size_t length, char quoted[NJ_QUOTED_CAPACITY]);
// Writes why `key` cannot be used: reserved, not in this version, or unknown and near to another.
void nj_names_explain(const nj_name *names, const char *key, size_t length, const char *what, const char *otherwise,
                      char *text, size_t capacity);

// Has the table at the top refuse other fields than it has; `table` is what errors call it. Uses 4 slots.
void nj_names_seal(lua_State *L, const nj_name *names, const char *table);

// MARK: options.c

// Raises unless there is a table at `index`.
void nj_options_check(lua_State *L, int index, const char *function);
// As lua_next on a table of options: pushes the next key and value and answers the name, or pops and answers NULL.
// Raises for a key that is none of the names. Uses 5 slots.
const char *nj_options_next(lua_State *L, int index, const char *function, const nj_name *names);

// MARK: path.c

// A key on the way to a value, or the root when there is no parent.
typedef struct nj_path {
    const struct nj_path *parent;
    const char *root;
    // The key's place on the stack, or 0 for `position`.
    int key;
    lua_Integer position;
} nj_path;

#define NJ_PATH_CAPACITY 200

// Writes the path, cut where it is too long, and answers `text`. Uses 3 slots.
const char *nj_path_write(lua_State *L, const nj_path *path, char text[NJ_PATH_CAPACITY]);
// What errors call a value: its type, or what kind of userdata it is. Uses 3 slots.
const char *nj_kind_of(lua_State *L, int index);

// MARK: json.c, json_read.c, json_write.c

// How deep tables may lie in each other, in JSON and in plain data.
#define NJ_DEEPEST_TABLE 100

// Encodes the value at `index` into the VM's scratch. Raises with the path to what cannot be JSON.
nj_bytes *nj_json_write(lua_State *L, nj_vm *vm, int index, const char *function);
// The same as a string that is pushed.
void nj_json_push(lua_State *L, nj_vm *vm, int index, const char *function);
// Pushes the value of a text; false with nothing pushed when it is no JSON: where from 1 on, and why.
bool nj_json_read(lua_State *L, nj_vm *vm, const char *text, size_t length, size_t *error_byte, const char **why);
// How many bytes at the start may stand in a JSON string as they are. Does not raise.
size_t nj_json_plain_length(const char *text, size_t length);
// Use 1 slot and do not raise.
bool nj_json_is_null(lua_State *L, const nj_vm *vm, int index);
bool nj_json_is_array(lua_State *L, const nj_vm *vm, int index);
// Marks the table at the top as an array. Uses 1 slot.
void nj_json_mark(lua_State *L, const nj_vm *vm);
int nj_json_encode(lua_State *L);            // ws.json.encode
int nj_json_decode(lua_State *L);            // ws.json.decode

// MARK: plain.c

// What plain data may hold besides nil, booleans, numbers, strings, ws.json.null and tables of these.
enum { NJ_PLAIN_CONNS = 1, NJ_PLAIN_ROOMS = 2, NJ_PLAIN_OBJECTS = NJ_PLAIN_CONNS | NJ_PLAIN_ROOMS };

#define NJ_PLAIN_WHY_CAPACITY 320

// Appends the value at `index`; raises with the path, which begins with `what`, to what is no plain data.
void nj_plain_write(lua_State *L, nj_vm *vm, int index, nj_bytes *bytes, const char *what, unsigned allowed);
// Pushes the value whose bytes nj_plain_write has made; nil for none. Uses 8 slots.
void nj_plain_push(lua_State *L, nj_vm *vm, const void *bytes, size_t length);
// Looks at `patience` values at most, and answers whether nj_plain_write would take them; otherwise writes why. `seen` is
// where on the stack the tables are that other values hold, to which those of this one are added, or 0.
bool nj_plain_check(lua_State *L, nj_vm *vm, int index, const char *what, unsigned allowed, int seen, size_t patience,
                    char why[NJ_PLAIN_WHY_CAPACITY]);

// MARK: state.c

// Warns, once for each kind, when the state of the connection whose handler has returned could not be kept. Uses 8 slots.
void nj_state_check(lua_State *L, nj_vm *vm);

// MARK: sha256.c

typedef struct nj_sha256 {
    uint32_t state[8];
    uint64_t length;
    uint8_t block[64];
} nj_sha256;

// Data is added to `inner`.
typedef struct nj_hmac {
    nj_sha256 inner, outer;
} nj_hmac;

// None of them raises.
void nj_sha256_begin(nj_sha256 *hash);
void nj_sha256_update(nj_sha256 *hash, const void *bytes, size_t length);
void nj_sha256_end(nj_sha256 *hash, uint8_t digest[NJ_SHA256_LENGTH]);
void nj_hmac_begin(nj_hmac *hmac, const void *key, size_t length);
void nj_hmac_end(nj_hmac *hmac, uint8_t digest[NJ_SHA256_LENGTH]);

// MARK: system.c

// Fill the bytes from the system's generator; the first answers false with errno, and does not raise.
bool nj_random_read(void *bytes, size_t length);
void nj_random_fill(lua_State *L, void *bytes, size_t length);

// MARK: siphash.c

// Does not raise.
uint64_t nj_siphash(const uint64_t key[2], const void *bytes, size_t length);

// MARK: The libraries that a script sees

// Each pushes what it makes, or adds it to the table at the top. Uses 6 slots.
void nj_sandbox_open(lua_State *L);          // sandbox.c: replaces the globals, pushes nothing
void nj_sandbox_seal(lua_State *L);          // sandbox.c: no new globals from here on, pushes nothing
void nj_protect_open(lua_State *L);          // protect.c: adds pcall and xpcall
void nj_coroutine_open(lua_State *L);        // coroutine.c: pushes the table
void nj_ws_open(lua_State *L);               // ws.c: pushes the table
void nj_log_open(lua_State *L);              // log.c: pushes the table of ws.log
void nj_json_open(lua_State *L);             // json.c: pushes the table of ws.json
void nj_task_open(lua_State *L);             // task.c: adds sleep and spawn
void nj_timer_open(lua_State *L);            // timer.c: adds after and every
void nj_wake_open(lua_State *L);             // wake.c: adds wait and wake
void nj_shared_open(lua_State *L);           // shared_table.c: pushes the table of ws.shared
void nj_crypto_open(lua_State *L);           // crypto.c: pushes the table of ws.crypto
void nj_encoding_open(lua_State *L);         // encoding.c: adds base64 and the others
void nj_system_open(lua_State *L);           // system.c: adds now, clock, uuid and env
int nj_log_print(lua_State *L);              // log.c: print
int nj_require(lua_State *L);                // require.c: require
void nj_connection_open(lua_State *L);       // connection.c: pushes nothing
void nj_request_open(lua_State *L);          // request.c: pushes nothing
void nj_room_open(lua_State *L);             // room.c: adds room and rooms to the table at the top

// Resumes a coroutine with the arguments at its top; answers the status and the number of results on it.
int nj_coroutine_resume(lua_State *L, lua_State *thread, int arguments, int *results);

// The userdata of a conn, followed by three user values.
typedef struct nj_connection {
    uint64_t id;
    char public_id[NJ_PUBLIC_ID_LENGTH];
} nj_connection;

enum { NJ_CONNECTION_STATE = 1, NJ_CONNECTION_REQUEST = 2, NJ_CONNECTION_PROTOCOL = 3, NJ_CONNECTION_VALUES = 3 };

// Pushes the one object of a connection. Uses 4 slots.
void nj_connection_push(lua_State *L, nj_vm *vm, uint64_t id);
// NULL when the value is no connection. Uses 1 slot; does not raise.
nj_connection *nj_connection_at(lua_State *L, nj_vm *vm, int index);
// Pushes an iterator over the connections whose ids are in the answer. Uses 4 slots.
int nj_connections_push(lua_State *L, nj_vm *vm);
// Pushes the request of the connection at `index`, or nil when it is forgotten. Uses 8 slots.
void nj_request_push(lua_State *L, nj_vm *vm, int index);
// Pushes the request of an event that has no connection yet, or nil when it is forgotten. Uses 8 slots.
void nj_request_push_pending(lua_State *L, nj_vm *vm, const nj_event *event);

// Bytes of all header lines of an answer.
#define NJ_LONGEST_FIELDS (32 * 1024)

void nj_http_open(lua_State *L); // http.c: pushes nothing
// Pushes what runs `upgrade` or `request` and answers with its results, and the arguments; answers their number.
int nj_http_push(lua_State *L, nj_vm *vm, const nj_event *event);
// Gives the conn at `connection` the state that its upgrade returned, if there is one. Uses 3 slots.
void nj_http_take_state(lua_State *L, nj_vm *vm, uint64_t token, int connection);

// Why a connection is closed.
typedef struct nj_ending {
    uint16_t code;
    const char *reason;
    size_t length;
} nj_ending;

// Reads code and reason at `index`; raises what is wrong with them in the name of `function`. Uses 3 slots.
nj_ending nj_ending_read(lua_State *L, int index, const char *function);

// Bytes of a conflation key: as many as a room's name may have.
#define NJ_LONGEST_KEY NJ_LONGEST_ROOM

typedef enum nj_addressing { NJ_TO_ONE, NJ_TO_ROOM, NJ_TO_ROUTE } nj_addressing;

// What send and broadcast share.
typedef struct nj_message {
    const char *bytes;
    size_t length;
    // The conflation key, NULL without one.
    const char *key;
    size_t key_length;
    bool is_text, compress;
    // The indices of the values of `except` and `rooms`, or 0.
    int except, rooms;
} nj_message;

// Reads data at `index` and kind or options behind it; raises what is wrong with them in the name of `function`.
// Leaves the values of `except` and `rooms` at the top if they are there. Uses 5 slots.
nj_message nj_message_read(lua_State *L, int index, const char *function, nj_addressing addressing);

// The userdata of a Room: its name, and behind it that of its route, which is empty for the script's own.
typedef struct nj_room {
    uint16_t length, route_length;
    char name[];
} nj_room;

// Pushes the Room of the script's own route. Uses 2 slots.
void nj_room_push(lua_State *L, nj_vm *vm, const char *name, size_t length);
// The same of the route that is called so.
void nj_room_push_of_route(lua_State *L, nj_vm *vm, const char *name, size_t length, const char *route,
                           size_t route_length);
// NULL when the value is no Room. Uses 1 slot; does not raise.
const nj_room *nj_room_at(lua_State *L, nj_vm *vm, int index);
bool nj_room_has_route(const nj_room *room, const char *route, size_t length);
// The number of a Room's route; raises, in the name of `function`, when there is none. Uses 3 slots.
int32_t nj_room_route(lua_State *L, nj_vm *vm, const nj_room *room, const char *function);
// Checks the name at `index` and answers it. Uses 3 slots.
const char *nj_room_name_read(lua_State *L, nj_vm *vm, int index, const char *function, size_t *length);
// conn:join, conn:leave and conn.rooms of the connection `id`; the name is at 2.
int nj_room_join(lua_State *L, nj_vm *vm, uint64_t id);
int nj_room_leave(lua_State *L, nj_vm *vm, uint64_t id);
void nj_room_push_names(lua_State *L, nj_vm *vm, uint64_t id);

// broadcast.c: sends the data at `index` to the members of a Room, or for NULL to those of the route or of the rooms
// that the options name.
int nj_broadcast(lua_State *L, const char *function, const nj_room *room, int index);

// MARK: task.c and timer.c

// Has the handler wait; `resumed` goes on with a light userdata at the top. Raises where nothing may wait.
int nj_task_wait(lua_State *L, const char *function, const nj_wait *wait, lua_KFunction resumed);
// Pops that userdata, and raises if the handler is to end. Does not return NULL.
const nj_resumption *nj_task_resumption(lua_State *L);
// conn:receive, whose conn is `id`.
int nj_task_receive(lua_State *L, uint64_t id);
// Pushes a spawned body and its arguments, and answers how many there are.
int nj_task_push_spawned(lua_State *L, nj_vm *vm, uint64_t number);
// The nanoseconds of seconds or a text such as "50ms"; raises what is wrong with it in the name of `function`.
int64_t nj_duration_read(lua_State *L, int index, const char *function, const char *what);
// Whether a timer was neither cancelled nor run for the last time. Between events only; does not raise.
bool nj_timer_is_set(nj_vm *vm, uint64_t number);
// Pushes what a timer runs and its argument, and answers how many there are.
int nj_timer_push(lua_State *L, nj_vm *vm, const nj_event *event);

// MARK: on.c and handlers.c

// Pushes what a text message goes to and its arguments, and answers how many there are; -1 when there is nothing.
int nj_on_push(lua_State *L, nj_vm *vm, const nj_event *event);
// Checks the table at the top, takes it as the script's `on`, and pops it.
void nj_on_take(lua_State *L, nj_vm *vm, const char *script);
// Raises what is wrong with the table that a script returned.
int nj_handlers_refuse(lua_State *L, nj_vm *vm, const char *script, const char *text);
// What the script calls the handler of an event. Does not raise.
const char *nj_handler_name(nj_event_kind kind);
// Checks the table at the top that a script returned and takes its handlers. Uses 4 slots.
void nj_handlers_take(lua_State *L, nj_vm *vm, const char *script);
// Compiles a chunk and pushes it, or raises what is wrong with it in the name of the source.
void nj_chunk_push(lua_State *L, nj_vm *vm, const nj_source *source);
// Runs a frame in the coroutine of the task, or in the next one when it has none. Does not raise.
nj_outcome nj_vm_run(nj_vm *vm, const nj_task *task, const nj_event_frame *frame, uint32_t ticks);

#endif
