//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// What scripts hold of the host: conns, requests, Rooms, and the messages to them.

#ifndef NJ_OBJECTS_H
#define NJ_OBJECTS_H

#include "vm.h"

// MARK: connection.c and request.c

// The userdata of a conn, followed by three user values.
typedef struct nj_connection {
    // The metatable, which tells it from other userdata of its size.
    const void *type;
    uint64_t id;
    char public_id[NJ_PUBLIC_ID_LENGTH];
} nj_connection;

enum { NJ_CONNECTION_STATE = 1, NJ_CONNECTION_REQUEST = 2, NJ_CONNECTION_PROTOCOL = 3, NJ_CONNECTION_VALUES = 3 };

// Pushes the one object of a connection. Uses 4 slots.
void nj_connection_push(lua_State *L, nj_vm *vm, uint64_t id);
// Pushes the state of the conn at `index`, which may still be that of an older version. Uses 10 slots.
void nj_connection_push_state(lua_State *L, nj_vm *vm, int index);
// NULL when the value is no connection. Does not raise.
nj_connection *nj_connection_at(lua_State *L, nj_vm *vm, int index);
// Pushes an iterator over the connections whose ids are in the answer. Uses 4 slots.
int nj_connections_push(lua_State *L, nj_vm *vm);
// Pushes the request of the connection at `index`, or nil when it is forgotten. Uses 8 slots.
void nj_request_push(lua_State *L, nj_vm *vm, int index);
// Pushes the request of an event that has no connection yet, or nil when it is forgotten. Uses 8 slots.
void nj_request_push_pending(lua_State *L, nj_vm *vm, const nj_event *event);

// Why a connection is closed.
typedef struct nj_ending {
    uint16_t code;
    const char *reason;
    size_t length;
} nj_ending;

// Reads code and reason at `index`; raises what is wrong with them in the name of `function`. Uses 3 slots.
nj_ending nj_ending_read(lua_State *L, int index, const char *function);

// MARK: http.c

// Bytes of all header lines of an answer.
#define NJ_LONGEST_FIELDS (32 * 1024)

void nj_http_open(lua_State *L); // http.c: pushes nothing
// Pushes what runs `upgrade` or `request` and answers with its results, and the arguments; answers their number.
int nj_http_push(lua_State *L, nj_vm *vm, const nj_event *event);
// Gives the conn at `connection` the state that its upgrade returned, if there is one. Uses 3 slots.
void nj_http_take_state(lua_State *L, nj_vm *vm, uint64_t token, int connection);

// MARK: message.c and broadcast.c

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

// MARK: room.c

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

// MARK: broadcast.c

// Sends the data at `index` to the members of a Room, or for NULL to those of the route or of the rooms
// that the options name.
int nj_broadcast(lua_State *L, const char *function, const nj_room *room, int index);

#endif
