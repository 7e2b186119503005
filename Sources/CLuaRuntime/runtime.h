//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// What the C files share. Each comment "Uses n slots" counts what a function needs of the Lua stack at its peak; a C
// function has LUA_MINSTACK (20) to begin with. A function that takes a lua_State may raise unless it says that it does
// not.

#ifndef NJ_RUNTIME_H
#define NJ_RUNTIME_H

#include "objects.h"
#include "text.h"
#include "values.h"

// MARK: The libraries that a script sees

// Each pushes what it makes, or adds it to the table at the top. Uses 6 slots.
void nj_weak_open(lua_State *L);             // weak.c: hides the collector's name for the mode, pushes nothing
void nj_weak_push_mode(lua_State *L);        // weak.c: pushes that name
void nj_weak_translate(lua_State *L, int metatable); // weak.c: puts what gives a weak table its mode in the place of `metatable`
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
// Notes what is wrong with the table that a script returned, for nj_handlers_take to raise; the text has no line feeds.
void nj_handlers_complain(lua_State *L, nj_vm *vm, const char *script, const char *text);
// What the script calls the handler of an event. Does not raise.
const char *nj_handler_name(nj_event_kind kind);
// Checks the table at the top that a script returned and takes its handlers. Uses 4 slots.
void nj_handlers_take(lua_State *L, nj_vm *vm, const char *script);

#endif
