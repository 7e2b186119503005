//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The door between Swift and Lua: opaque types and plain C values. Swift never sees a lua_State, so it cannot make a
// call that raises; whatever may raise happens in C, inside the one protected call that each entry below makes.
// Events go in through nj_vm_dispatch, bytes come out through nj_vm_next_effect, and what must be answered at the call
// (may this be sent, is it open) goes through the functions of nj_host.

#ifndef NJ_CLUARUNTIME_H
#define NJ_CLUARUNTIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__clang__)
#define _Nonnull
#define _Nullable
#define NJ_CLOSED_ENUM
#else
#define NJ_CLOSED_ENUM __attribute__((enum_extensibility(closed)))
#endif

/// One loaded version of one script. Bound to the thread of its clock, until it is given to that of another.
typedef struct nj_vm nj_vm;

/// The values that all VMs of a process share; used from every thread.
typedef struct nj_shared nj_shared;

/// The CPU timer of one thread, which watches the VMs that run on it.
typedef struct nj_clock nj_clock;

/// Bytes that a function of nj_host hands over; grows as it is appended to.
typedef struct nj_answer nj_answer;

/// Bytes of the setting `key` at most.
#define NJ_LONGEST_MESSAGE_KEY 64

/// The length of a connection's public name.
#define NJ_PUBLIC_ID_LENGTH 22

/// The length of one tick of a clock, in milliseconds of CPU time.
/// Shorter than the 4 ms in which a kernel of 250 Hz looks at its timers, so that what it misses is no more than that.
#define NJ_TICK_MILLISECONDS 2

// MARK: What a script may use

typedef struct nj_limits {
    /// Bytes. A script is told beyond it, and refused memory at twice as much.
    size_t memory;
    /// Ticks of CPU time for one event, for loading, and until a VM that cannot be stopped takes the process with it.
    uint32_t event_ticks, load_ticks, stuck_ticks;
    /// Milliseconds from the start of a handler that waits to its end; the host counts them.
    uint32_t wall;
    /// Whether mistakes are looked for that would show only later.
    bool is_development;
    /// Bytes of the body of an HTTP answer.
    size_t response;
    /// For tests: allocations number `fail_from` to `fail_from + fail_count - 1` fail; the first is number 1.
    uint64_t fail_from, fail_count;
} nj_limits;

// MARK: What a script asks of the host

/// NJ_UNSETTLED: there may be room once the effects that wait are applied; the caller does that and asks again.
typedef enum NJ_CLOSED_ENUM nj_verdict { NJ_ACCEPTED, NJ_CLOSED, NJ_OVERFLOW, NJ_UNSETTLED } nj_verdict;
/// NJ_REFUSED: the connection is in as many rooms as it may be.
typedef enum NJ_CLOSED_ENUM nj_move { NJ_MOVED, NJ_STAYED, NJ_NOT_OPEN, NJ_REFUSED } nj_move;
/// What is to be said of the sub-protocol that an `upgrade` chose.
typedef enum NJ_CLOSED_ENUM nj_protocol_verdict {
    NJ_PROTOCOL_FINE, NJ_PROTOCOL_NOT_OFFERED, NJ_PROTOCOL_NOT_LISTED
} nj_protocol_verdict;
typedef enum NJ_CLOSED_ENUM nj_log_level { NJ_DEBUG, NJ_INFO, NJ_WARNING, NJ_ERROR } nj_log_level;

/// The parts of a request. Those from NJ_PARAM to NJ_COOKIE have a name and a value, the others a value.
typedef enum NJ_CLOSED_ENUM nj_field {
    NJ_METHOD, NJ_PATH, NJ_TARGET, NJ_IP, NJ_HOST, NJ_SECURE, NJ_PROTOCOL, NJ_SUBPROTOCOL,
    NJ_PARAM, NJ_QUERY, NJ_HEADER, NJ_COOKIE
} nj_field;

/// What a handler waits for: a time, a message of its own connection, or a wake-up by name.
typedef enum NJ_CLOSED_ENUM nj_wait_kind { NJ_WAIT_SLEEP, NJ_WAIT_RECEIVE, NJ_WAIT_NAME } nj_wait_kind;

typedef struct nj_wait {
    nj_wait_kind kind;
    /// Nanoseconds, or negative for as long as the handler may wait at all.
    int64_t timeout;
    /// Of NJ_WAIT_NAME.
    const void *_Nullable name;
    size_t name_length;
} nj_wait;

/// NJ_STATE_ABSENT: no older version has it. NJ_STATE_COPIED: a handler of the connection still uses it there.
typedef enum NJ_CLOSED_ENUM nj_state { NJ_STATE_ABSENT, NJ_STATE_MOVED, NJ_STATE_COPIED } nj_state;

/// What a script learns of a variable of the environment. NJ_VARIABLE_REFUSED: the configuration does not name it.
typedef enum NJ_CLOSED_ENUM nj_variable { NJ_VARIABLE_SET, NJ_VARIABLE_UNSET, NJ_VARIABLE_REFUSED } nj_variable;

/// Bytes of a room's name, at most; the least is 1.
#define NJ_LONGEST_ROOM 256

/// Instead of a route's number: the script's own; there is none.
#define NJ_OWN_ROUTE (-1)
#define NJ_NO_ROUTE (-2)

/// Whom a broadcast is for. A list of rooms is their names behind each other, each behind its length as a uint16_t.
typedef struct nj_audience {
    /// The number of a route, or NJ_OWN_ROUTE.
    int32_t route;
    /// The members of any of the rooms, each once; otherwise everybody.
    bool has_rooms;
    const void *_Nullable rooms, *_Nullable except_rooms;
    size_t rooms_length, except_rooms_length;
    /// Connections, which may be named twice.
    const uint64_t *_Nullable except;
    size_t except_count;
    /// What the host wrote there when it was asked is given back to it with the effect.
    uint64_t note;
} nj_audience;

/// Answers at the call. No function of it may raise, dispatch, or keep a pointer that it was given.
typedef struct nj_host {
    void *_Nonnull context;
    nj_verdict (*_Nonnull send)(void *_Nonnull context, uint64_t id, size_t length, const void *_Nullable key,
                               size_t key_length);
    /// Sends a message without a key at once if nothing stands in the way, and otherwise answers false; asked only while no effect
    /// waits.
    bool (*_Nonnull send_now)(void *_Nonnull context, uint64_t id, const void *_Nullable bytes, size_t length,
                              bool is_text, bool compress);
    bool (*_Nonnull close)(void *_Nonnull context, uint64_t id);
    size_t (*_Nonnull broadcast)(void *_Nonnull context, size_t length, nj_audience *_Nonnull audience);
    /// The number of the route that is called so in the configuration; when there is none, appends a sentence that says so.
    int32_t (*_Nonnull route)(void *_Nonnull context, const void *_Nonnull name, size_t length,
                              nj_answer *_Nonnull answer);
    nj_move (*_Nonnull join)(void *_Nonnull context, uint64_t id, const void *_Nonnull name, size_t length);
    nj_move (*_Nonnull leave)(void *_Nonnull context, uint64_t id, const void *_Nonnull name, size_t length);
    /// Closes the members of a room; the effect closes them with code and reason.
    size_t (*_Nonnull disconnect)(void *_Nonnull context, const void *_Nonnull name, size_t length,
                                  uint64_t *_Nonnull note);
    /// Appends with nj_answer_name the rooms that a connection is in, or in its close event those that it was in.
    void (*_Nonnull rooms_of)(void *_Nonnull context, uint64_t id, nj_answer *_Nonnull answer);
    /// Appends with nj_answer_name the rooms of the route that have members.
    void (*_Nonnull rooms)(void *_Nonnull context, nj_answer *_Nonnull answer);
    size_t (*_Nonnull room_count)(void *_Nonnull context, int32_t route, const void *_Nonnull name, size_t length);
    /// Appends a uint64_t for each member of a room.
    void (*_Nonnull room_members)(void *_Nonnull context, const void *_Nonnull name, size_t length,
                                  nj_answer *_Nonnull answer);
    bool (*_Nonnull is_open)(void *_Nonnull context, uint64_t id);
    size_t (*_Nonnull buffered)(void *_Nonnull context, uint64_t id);
    /// Appends a uint64_t for each open connection of the route.
    void (*_Nonnull members)(void *_Nonnull context, nj_answer *_Nonnull answer);
    /// Finds a connection by its public name.
    bool (*_Nonnull find)(void *_Nonnull context, const void *_Nonnull name, size_t length, uint64_t *_Nonnull id);
    /// Writes NJ_PUBLIC_ID_LENGTH bytes; false once the connection is forgotten, of which nj_vm_forget tells the VM.
    bool (*_Nonnull public_id)(void *_Nonnull context, uint64_t id, char *_Nonnull name);
    /// Appends the request with nj_answer_field; false once the connection is forgotten.
    bool (*_Nonnull request)(void *_Nonnull context, uint64_t id, nj_answer *_Nonnull answer);
    /// The same for the HTTP request of an event's token; false once nobody waits for the answer.
    bool (*_Nonnull pending_request)(void *_Nonnull context, uint64_t token, nj_answer *_Nonnull answer);
    /// Whether the client of that request offered the sub-protocol, and the route speaks it.
    nj_protocol_verdict (*_Nonnull judge_protocol)(void *_Nonnull context, uint64_t token, const void *_Nonnull name,
                                                   size_t length);
    void (*_Nonnull log)(void *_Nonnull context, nj_log_level level, const void *_Nonnull message, size_t length,
                         const uint64_t *_Nullable id, const char *_Nonnull source);
    /// Appends the source and answers true, or a sentence that says why there is none and false.
    bool (*_Nonnull module)(void *_Nonnull context, const char *_Nonnull name, nj_answer *_Nonnull answer);
    /// Appends the value of a variable of the environment if it is set.
    nj_variable (*_Nonnull variable)(void *_Nonnull context, const char *_Nonnull name, nj_answer *_Nonnull answer);
    /// A value found no room in nj_shared.
    void (*_Nonnull shared_is_full)(void *_Nonnull context);
    /// Pulls nj_vm_next_effect until it answers NULL.
    void (*_Nonnull apply_effects)(void *_Nonnull context);
    /// The handler that runs will wait as the task of this number, for nj_vm_resume; false when too many wait already.
    bool (*_Nonnull suspend)(void *_Nonnull context, uint64_t task, const nj_wait *_Nonnull wait);
    /// Has nj_vm_dispatch called with NJ_EVENT_TIMER after `delay` nanoseconds, and then every `interval` of them unless
    /// that is 0; false when there are too many timers.
    bool (*_Nonnull set_timer)(void *_Nonnull context, uint64_t timer, int64_t delay, int64_t interval);
    void (*_Nonnull cancel_timer)(void *_Nonnull context, uint64_t timer);
    /// Has nj_vm_dispatch called with NJ_EVENT_SPAWN, after this event; false when too many handlers wait already.
    bool (*_Nonnull spawn)(void *_Nonnull context, uint64_t body);
    /// Wakes every handler that waits for the name, after this event, and answers how many; the value is plain data.
    size_t (*_Nonnull wake)(void *_Nonnull context, const void *_Nonnull name, size_t name_length,
                            const void *_Nullable value, size_t value_length);
    /// Has nj_vm_write_state append the state of a connection, if the VM of an older version has it.
    nj_state (*_Nonnull state)(void *_Nonnull context, uint64_t id, nj_answer *_Nonnull answer);
} nj_host;

void nj_answer_append(nj_answer *_Nonnull answer, const void *_Nullable bytes, size_t length);
void nj_answer_name(nj_answer *_Nonnull answer, const void *_Nonnull name, size_t length);
void nj_answer_field(nj_answer *_Nonnull answer, nj_field field, const void *_Nullable name, size_t name_length,
                     const void *_Nullable value, size_t value_length);

// MARK: The clock

/// Starts the timer of the calling thread; NULL with errno set when the system refuses one.
nj_clock *_Nullable nj_clock_create(void);

/// Whether clocks signal; otherwise the VMs read the time themselves, and nothing notices one that is stuck in C code.
bool nj_clock_is_signalled(void);

/// Stops the timer. No VM of the clock may be running.
void nj_clock_destroy(nj_clock *_Nonnull clock);

// MARK: What VMs share

/// An empty space for values of so many bytes, keys and what it takes to find them counted; NULL when there was no memory.
nj_shared *_Nullable nj_shared_create(size_t capacity);

/// No VM may have it any more.
void nj_shared_destroy(nj_shared *_Nonnull shared);

/// Bytes in use, of expired values as long as nothing else needs them.
size_t nj_shared_used(const nj_shared *_Nonnull shared);

/// For tests: moves the clock by which values expire.
void nj_shared_advance(nj_shared *_Nonnull shared, int64_t nanoseconds);

// MARK: The VM

/// An empty VM with its libraries; NULL when there was no memory for that.
nj_vm *_Nullable nj_vm_create(const nj_limits *_Nonnull limits, const nj_host *_Nonnull host, nj_clock *_Nonnull clock,
                              nj_shared *_Nonnull shared, const char *_Nonnull product_version);

/// Compiles a script, runs its top level and checks the table that it returns. `name` is its path in the scripts
/// folder. On false nj_vm_failure tells why, and the VM can only be destroyed.
bool nj_vm_load(nj_vm *_Nonnull vm, const char *_Nonnull name, const void *_Nullable source, size_t length);

/// How a version begins.
typedef struct nj_start {
    /// The version that serves until now, 0 for none, and the one that begins.
    int64_t from, to;
    /// What nj_vm_save made in the VM of the former.
    const void *_Nullable saved;
    size_t saved_length;
    /// Tasks and timers of the VM have greater numbers than this.
    uint64_t number;
} nj_start;

/// Runs the `load` of a loaded script, before any event; within the time of an event when another version serves until
/// then. On false nj_vm_failure tells why, and the VM can only be destroyed.
bool nj_vm_start(nj_vm *_Nonnull vm, const nj_start *_Nonnull start);

/// Runs the script's `save`. What it returned is plain data, valid until the next call that takes the VM; without a `save`,
/// or when it returned nil, it has no bytes. On false nj_vm_failure tells why.
bool nj_vm_save(nj_vm *_Nonnull vm, const void *_Nullable *_Nonnull saved, size_t *_Nonnull length);

/// Appends the state of a connection as plain data, or that which waits for it under the token of its upgrade. Runs nothing
/// of the script, so that it may be called while another VM runs. On false nj_vm_failure tells why.
bool nj_vm_write_state(nj_vm *_Nonnull vm, uint64_t id, uint64_t token, nj_answer *_Nonnull answer);

/// Has a VM take the state of a connection over now, unless it has one. Between events only. On false nj_vm_failure tells why.
bool nj_vm_take_state(nj_vm *_Nonnull vm, uint64_t id);

/// Whether the state of a connection can be written, and has no table in common with those that were looked at since
/// nj_vm_end_check. Between events only. On false nj_vm_failure tells why.
bool nj_vm_check_state(nj_vm *_Nonnull vm, uint64_t id);

void nj_vm_end_check(nj_vm *_Nonnull vm);

/// Names the field of JSON messages by which `on` dispatches, `type` without this. At most NJ_LONGEST_MESSAGE_KEY bytes.
void nj_vm_set_key(nj_vm *_Nonnull vm, const void *_Nonnull key, size_t length);

typedef enum NJ_CLOSED_ENUM nj_setting_type {
    NJ_SETTING_BOOLEAN, NJ_SETTING_INTEGER, NJ_SETTING_NUMBER, NJ_SETTING_STRING, NJ_SETTING_EMPTY_TABLE,
    NJ_SETTING_OTHER
} nj_setting_type;

/// What a script's table holds beside handlers.
typedef struct nj_setting {
    nj_setting_type type;
    /// The keys from the table to the value, joined by dots, in at most NJ_SETTING_DEPTH tables.
    const void *_Nullable key;
    size_t key_length;
    /// The place in a list, from 1; 0 for a value that is in none.
    uint64_t index;
    bool boolean;
    int64_t integer;
    double number;
    /// A string's bytes; of NJ_SETTING_OTHER the name of its type.
    const void *_Nullable bytes;
    size_t length;
} nj_setting;

#define NJ_SETTING_DEPTH 3

/// The next setting of a loaded script, each once and in no order, valid until the next call that takes the VM; false
/// when there is none.
bool nj_vm_next_setting(nj_vm *_Nonnull vm, nj_setting *_Nonnull setting);

/// What the script may use from here on. Between events only; cannot fail.
void nj_vm_set_limits(nj_vm *_Nonnull vm, const nj_limits *_Nonnull limits);

/// Which of how many VMs of the script this one is, from 1; `instances` is 0 as long as that is not known.
void nj_vm_set_instance(nj_vm *_Nonnull vm, uint32_t instance, uint32_t instances);

/// Gives a VM that runs nothing to the thread of another clock.
void nj_vm_set_clock(nj_vm *_Nonnull vm, nj_clock *_Nonnull clock);

/// Frees all that the script holds; afterwards it has no handlers, and no effects.
void nj_vm_close(nj_vm *_Nonnull vm);

void nj_vm_destroy(nj_vm *_Nonnull vm);

typedef enum NJ_CLOSED_ENUM nj_event_kind {
    NJ_EVENT_CONNECT, NJ_EVENT_MESSAGE, NJ_EVENT_CLOSE, NJ_EVENT_DRAIN, NJ_EVENT_ERROR, NJ_EVENT_UPGRADE,
    NJ_EVENT_REQUEST,
    /// Those below have no handler in the script's table: what runs was given to ws.after, ws.every and ws.spawn.
    NJ_EVENT_TIMER, NJ_EVENT_SPAWN
} nj_event_kind;

/// The kinds that have a handler in the script's table.
#define NJ_HANDLER_COUNT 7

/// What the script's `error` handler is told.
typedef struct nj_report {
    const uint8_t *_Nullable message, *_Nullable traceback, *_Nullable handler;
    size_t message_length, traceback_length, handler_length;
    int64_t version;
} nj_report;

typedef struct nj_event {
    nj_event_kind kind;
    /// Zero is a connection too; an error may have none, an HTTP request has none.
    uint64_t id;
    bool has_connection;
    /// The HTTP request of an upgrade or a request; of a connect, the upgrade whose state it takes, or 0.
    uint64_t token;
    /// A message's payload, a close's reason or a request's body.
    const void *_Nullable bytes;
    size_t length;
    /// A message's kind, or whether the closing handshake was complete.
    bool is_text, was_clean;
    uint16_t code;
    const nj_report *_Nullable report;
    /// The timer, or the body that was spawned.
    uint64_t number;
    /// Whether the timer goes on, and the seconds since its last run.
    bool repeats;
    double elapsed;
} nj_event;

/// NJ_UNHANDLED: the script has nothing for the event. NJ_FAILED: nj_vm_failure tells why. NJ_SUSPENDED: the handler waits,
/// as the task that nj_host.suspend was told of last.
typedef enum NJ_CLOSED_ENUM nj_outcome { NJ_FINISHED, NJ_UNHANDLED, NJ_FAILED, NJ_SUSPENDED } nj_outcome;

/// Runs the handler of an event.
nj_outcome nj_vm_dispatch(nj_vm *_Nonnull vm, const nj_event *_Nonnull event);

/// NJ_WOKEN: what was waited for has come. NJ_RELOADED and NJ_CLOSED_FIRST end a wait for a message, the last two the
/// handler itself, whatever it catches.
typedef enum NJ_CLOSED_ENUM nj_wakening {
    NJ_WOKEN, NJ_TIMED_OUT, NJ_RELOADED, NJ_CLOSED_FIRST, NJ_EXPIRED, NJ_ENDING
} nj_wakening;

typedef struct nj_resumption {
    nj_wakening wakening;
    /// A message's payload or the plain data of a wake-up.
    const void *_Nullable bytes;
    size_t length;
    bool is_text;
} nj_resumption;

/// Goes on with a handler that waits; NJ_UNHANDLED when there is no such task.
nj_outcome nj_vm_resume(nj_vm *_Nonnull vm, uint64_t task, const nj_resumption *_Nonnull resumption);


/// Drops the VM's one object for a connection, after its close event and the report of an error in that. Between
/// events only; cannot fail.
void nj_vm_forget(nj_vm *_Nonnull vm, uint64_t id);

/// Drops the state that the `upgrade` of this token returned: no connect follows. Between events only; cannot fail.
void nj_vm_abandon_upgrade(nj_vm *_Nonnull vm, uint64_t token);

/// Whether the loaded script has a handler for the event.
bool nj_vm_handles(const nj_vm *_Nonnull vm, nj_event_kind kind);

/// The last two answer the HTTP request that `id` is the token of.
typedef enum NJ_CLOSED_ENUM nj_effect_kind {
    NJ_EFFECT_SEND, NJ_EFFECT_CLOSE, NJ_EFFECT_BROADCAST, NJ_EFFECT_JOIN, NJ_EFFECT_LEAVE, NJ_EFFECT_DISCONNECT,
    NJ_EFFECT_ACCEPT, NJ_EFFECT_RESPONSE
} nj_effect_kind;

/// A view into the outbox, valid until the next call that takes the VM.
typedef struct nj_effect {
    nj_effect_kind kind;
    /// Of messages: `compress` allows compression, and the key has 0 to 256 bytes, 0 without one.
    bool is_text, compress;
    /// A close's code or an answer's status.
    uint16_t code;
    uint64_t id;
    /// A message, a reason, the name of the room that is joined or left, an answer's body, or the sub-protocol that an upgrade
    /// chose, empty for none.
    const void *_Nullable bytes;
    size_t length;
    /// Or an answer's header fields, as lines that end in CR LF.
    const void *_Nullable key;
    size_t key_length;
    /// Of a broadcast, and of a disconnect, whose room it names.
    nj_audience audience;
} nj_effect;

bool nj_vm_has_effects(const nj_vm *_Nonnull vm);

/// The next effect in the order in which the script asked for them; NULL when there is none. The next call overwrites it.
const nj_effect *_Nullable nj_vm_next_effect(nj_vm *_Nonnull vm);

typedef enum NJ_CLOSED_ENUM nj_failure_kind {
    NJ_RUNTIME, NJ_SYNTAX, NJ_MEMORY, NJ_DEADLINE, NJ_WALL, NJ_CONTRACT
} nj_failure_kind;

#define NJ_MESSAGE_CAPACITY 4096
#define NJ_TRACEBACK_CAPACITY 4096

/// Why the last load or dispatch failed. Texts are cut at their capacity and hold whatever bytes the script put there.
typedef struct nj_failure {
    nj_failure_kind kind;
    int32_t line;
    size_t message_length, traceback_length;
    char file[256];
    char message[NJ_MESSAGE_CAPACITY];
    char traceback[NJ_TRACEBACK_CAPACITY];
} nj_failure;

/// Valid until the next call that takes the VM.
const nj_failure *_Nonnull nj_vm_failure(const nj_vm *_Nonnull vm);

/// Collects garbage for half a millisecond, while no handler runs.
///
/// True at the end of a cycle: what was garbage at its beginning is free then.
bool nj_vm_collect(nj_vm *_Nonnull vm);

/// Sets how soon Lua itself begins to collect, by how much is in use. To be called now and then, while no handler runs.
///
/// True when half of the room that the last collection left is used up: one now spares the next event one.
bool nj_vm_pace(nj_vm *_Nonnull vm);

typedef struct nj_usage {
    /// Bytes in use now, and at most so far.
    size_t used, peak;
    /// Blocks asked for or grown, ever.
    uint64_t allocations;
} nj_usage;

nj_usage nj_vm_usage(const nj_vm *_Nonnull vm);

/// Ticks of CPU time that ended inside the VM, ever; wraps around.
uint32_t nj_vm_busy_ticks(const nj_vm *_Nonnull vm);

// MARK: Syntax

/// Compiles a text apart from any VM, and runs nothing. True when it is refused: then `end` is where the token ends that
/// the compiler's message names, as an offset in the text.
bool nj_syntax_error(const void *_Nullable bytes, size_t length, size_t *_Nonnull end);

// MARK: SHA-256

#define NJ_SHA256_LENGTH 32

/// Writes the SHA-256 of some bytes (FIPS 180-4).
void nj_sha256_of(const void *_Nonnull bytes, size_t length, uint8_t digest[_Nonnull NJ_SHA256_LENGTH]);

// MARK: Files

/// Opens `path` for reading if it leads, symbolic links followed, to something below the folder `root`. Never blocks
/// on a FIFO. A descriptor, or -1 with errno: EXDEV when the path leads out.
int nj_open_beneath(const char *_Nonnull root, const char *_Nonnull path);

#endif
