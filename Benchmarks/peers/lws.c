//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// libwebsockets: what is said below /bc goes to all of that path, elsewhere it comes back.
// usage: lws PORT
//
// What is to be sent waits for the connection's writeable callback, and reading pauses while much waits: the library's own
// advice. A message that goes to many is kept once.
#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

enum { PAUSE = 256, GO_ON = 128, ROOMS = 64 };

struct message {
    size_t length;
    int users;
    enum lws_write_protocol kind;
    unsigned char bytes[];
};

struct peer {
    struct lws *wsi;
    struct peer *next; // in its room
    int room;          // -1 is none
    int paused;
    struct message **queue; // a ring
    unsigned first, count, capacity;
    unsigned char *partial;
    size_t have, room_for;
};

static struct peer *rooms[ROOMS];

static void release(struct message *message) {
    if (--message->users == 0) free(message);
}

static void push(struct peer *peer, struct message *message) {
    if (peer->count == peer->capacity) {
        unsigned capacity = peer->capacity ? peer->capacity * 2 : 4;
        struct message **queue = malloc(capacity * sizeof *queue);
        for (unsigned i = 0; i < peer->count; i++) queue[i] = peer->queue[(peer->first + i) % peer->capacity];
        free(peer->queue);
        peer->queue = queue;
        peer->capacity = capacity;
        peer->first = 0;
    }
    peer->queue[(peer->first + peer->count++) % peer->capacity] = message;
    message->users++;
    lws_callback_on_writable(peer->wsi);
}

static void opened(struct peer *peer, struct lws *wsi) {
    char path[64] = "";
    memset(peer, 0, sizeof *peer);
    peer->wsi = wsi;
    peer->room = -1;
    lws_hdr_copy(wsi, path, sizeof path, WSI_TOKEN_GET_URI);
    if (strncmp(path, "/bc/", 4) != 0) return;
    peer->room = atoi(path + 4) & (ROOMS - 1);
    peer->next = rooms[peer->room];
    rooms[peer->room] = peer;
}

static void received(struct peer *peer, const void *bytes, size_t count) {
    if (peer->have + count > peer->room_for) {
        peer->room_for = (peer->have + count) * 2;
        peer->partial = realloc(peer->partial, peer->room_for);
    }
    memcpy(peer->partial + peer->have, bytes, count);
    peer->have += count;
    if (!lws_is_final_fragment(peer->wsi) || lws_remaining_packet_payload(peer->wsi)) return;
    struct message *message = malloc(sizeof *message + LWS_PRE + peer->have);
    message->length = peer->have;
    message->users = 1;
    message->kind = lws_frame_is_binary(peer->wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    memcpy(message->bytes + LWS_PRE, peer->partial, peer->have);
    peer->have = 0;
    if (peer->room < 0) push(peer, message);
    else for (struct peer *other = rooms[peer->room]; other; other = other->next) push(other, message);
    release(message);
    if (peer->count > PAUSE && !peer->paused) {
        peer->paused = 1;
        lws_rx_flow_control(peer->wsi, 0);
    }
}

static int writable(struct peer *peer) {
    while (peer->count > 0) {
        struct message *message = peer->queue[peer->first];
        if (lws_write(peer->wsi, message->bytes + LWS_PRE, message->length, message->kind) < (int)message->length) return -1;
        peer->first = (peer->first + 1) % peer->capacity;
        peer->count--;
        release(message);
        if (lws_send_pipe_choked(peer->wsi)) break;
    }
    if (peer->count > 0) lws_callback_on_writable(peer->wsi);
    if (peer->paused && peer->count < GO_ON) {
        peer->paused = 0;
        lws_rx_flow_control(peer->wsi, 1);
    }
    return 0;
}

static void closed(struct peer *peer) {
    if (peer->room >= 0) {
        struct peer **link = &rooms[peer->room];
        while (*link != peer) link = &(*link)->next;
        *link = peer->next;
    }
    for (; peer->count > 0; peer->count--) {
        release(peer->queue[peer->first]);
        peer->first = (peer->first + 1) % peer->capacity;
    }
    free(peer->queue);
    free(peer->partial);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length) {
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED: opened(user, wsi); break;
    case LWS_CALLBACK_RECEIVE: received(user, in, length); break;
    case LWS_CALLBACK_SERVER_WRITEABLE: return writable(user);
    case LWS_CALLBACK_CLOSED: closed(user); break;
    default: break;
    }
    return 0;
}

static struct lws_protocols protocols[] = {
    {"default", callback, sizeof(struct peer), 131072, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

int main(int argc, char **argv) {
    struct lws_context_creation_info info;
    memset(&info, 0, sizeof info);
    lws_set_log_level(LLL_ERR, NULL);
    info.port = argc > 1 ? atoi(argv[1]) : 9001;
    info.iface = "lo";
    info.protocols = protocols;
    info.gid = info.uid = -1;
    info.count_threads = 1;
    info.options = LWS_SERVER_OPTION_DISABLE_IPV6;
    struct lws_context *context = lws_create_context(&info);
    if (!context) return 1;
    while (lws_service(context, 0) >= 0) continue;
    lws_context_destroy(context);
    return 0;
}
