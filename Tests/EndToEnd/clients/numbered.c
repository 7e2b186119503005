//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Sends numbered messages over many connections at a fixed rate, whether the answers come or not, and checks that each is answered
// once and in order. An answer is the version that gave it, a blank, and the number; versions must not go backwards on a connection.
//
// usage: numbered PORT PATH CONNECTIONS RATE SECONDS     (messages a second, of all connections)
// Prints one line of JSON, and exits with 1 if anything was wrong. A byte on stdin ends the sending.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_TEXT = 64, FRAME_HEAD = 6, SENT_TIMES = 256, LATENCIES = 100000, PATIENCE_SECONDS = 20 };

typedef struct connection {
    int fd;
    uint32_t sent, answered, version;
    uint8_t in[4096];
    size_t in_length;
    // What the kernel did not take of the last frame.
    uint8_t out[FRAME_HEAD + MOST_TEXT];
    size_t out_length;
    uint64_t sent_at[SENT_TIMES];
} connection;

static connection *connections;
static int count, poller;
static uint64_t wrong, closed, skipped, total_sent, total_answered;
static uint32_t versions_seen;
static uint32_t latencies[LATENCIES + 1];

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void complain(const connection *connection, const char *what, const char *detail) {
    if (wrong < 10) fprintf(stderr, "connection %td: %s %s\n", connection - connections, what, detail);
    wrong += 1;
}

static void fail(const char *what) {
    perror(what);
    exit(2);
}

// MARK: The handshake

static void open_connection(connection *connection, int port, const char *path) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
    char request[512];
    int length = snprintf(request, sizeof request,
                          "GET %s HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path);
    if (send(connection->fd, request, (size_t)length, MSG_NOSIGNAL) != length) fail("send");
    // A byte at a time: what lies behind the head is a frame already.
    char head[2048];
    size_t read_bytes = 0;
    while (read_bytes < sizeof head - 1) {
        if (recv(connection->fd, head + read_bytes, 1, 0) != 1) fail("handshake");
        read_bytes += 1;
        if (read_bytes >= 4 && memcmp(head + read_bytes - 4, "\r\n\r\n", 4) == 0) break;
    }
    head[read_bytes] = '\0';
    if (strncmp(head, "HTTP/1.1 101 ", 13) != 0) {
        fprintf(stderr, "refused: %s\n", head);
        exit(2);
    }
    int one = 1;
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(connection->fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(poller, EPOLL_CTL_ADD, connection->fd, &event);
}

static void end_connection(connection *connection, const char *why) {
    if (connection->fd < 0) return;
    complain(connection, "closed:", why);
    close(connection->fd);
    connection->fd = -1;
    closed += 1;
}

// MARK: Messages

static bool flush(connection *connection) {
    if (connection->out_length == 0) return true;
    ssize_t taken = send(connection->fd, connection->out, connection->out_length, MSG_NOSIGNAL);
    if (taken < 0) {
        if (errno != EAGAIN) end_connection(connection, strerror(errno));
        return false;
    }
    connection->out_length -= (size_t)taken;
    memmove(connection->out, connection->out + taken, connection->out_length);
    return connection->out_length == 0;
}

static void send_next(connection *connection) {
    if (connection->fd < 0) return;
    if (!flush(connection) || connection->sent - connection->answered >= SENT_TIMES) {
        skipped += 1;
        return;
    }
    uint8_t *frame = connection->out;
    int length = snprintf((char *)frame + FRAME_HEAD, MOST_TEXT, "%u", connection->sent);
    frame[0] = 0x81;
    // The key is zero: masking changes nothing.
    frame[1] = (uint8_t)(0x80 | length);
    memset(frame + 2, 0, 4);
    connection->sent_at[connection->sent % SENT_TIMES] = now();
    connection->sent += 1;
    total_sent += 1;
    connection->out_length = FRAME_HEAD + (size_t)length;
    flush(connection);
}

static void take_answer(connection *connection, const char *text, size_t length) {
    char copy[MOST_TEXT * 2] = "";
    memcpy(copy, text, length < sizeof copy - 1 ? length : sizeof copy - 1);
    unsigned version, number;
    if (sscanf(copy, "%u %u", &version, &number) != 2) {
        complain(connection, "no answer:", copy);
        return;
    }
    if (number != connection->answered) complain(connection, "out of order:", copy);
    if (version < connection->version) complain(connection, "an older version:", copy);
    if (version > versions_seen) versions_seen = version;
    connection->version = version;
    uint64_t micros = (now() - connection->sent_at[number % SENT_TIMES]) / 1000;
    latencies[micros < LATENCIES ? micros : LATENCIES] += 1;
    connection->answered = number + 1;
    total_answered += 1;
}

static void read_answers(connection *connection) {
    if (connection->fd < 0) return;
    size_t room = sizeof connection->in - connection->in_length;
    ssize_t taken = recv(connection->fd, connection->in + connection->in_length, room, 0);
    if (taken <= 0) {
        if (taken < 0 && errno == EAGAIN) return;
        end_connection(connection, taken == 0 ? "end of input" : strerror(errno));
        return;
    }
    connection->in_length += (size_t)taken;
    size_t next = 0;
    while (connection->in_length - next >= 2) {
        const uint8_t *frame = connection->in + next;
        size_t length = frame[1];
        if (length > 125) {
            complain(connection, "a frame is too long", "");
            break;
        }
        if (connection->in_length - next < 2 + length) break;
        if (frame[0] == 0x81) {
            take_answer(connection, (const char *)frame + 2, length);
        } else if (frame[0] == 0x88) {
            end_connection(connection, "a Close frame");
            return;
        } else if (frame[0] != 0x89) {
            complain(connection, "a frame of another kind", "");
        }
        next += 2 + length;
    }
    connection->in_length -= next;
    memmove(connection->in, connection->in + next, connection->in_length);
}

static void take_in(int milliseconds) {
    struct epoll_event events[256];
    int ready = epoll_wait(poller, events, 256, milliseconds);
    for (int i = 0; i < ready; i++) read_answers(events[i].data.ptr);
}

static uint32_t percentile(double fraction) {
    uint64_t wanted = (uint64_t)(fraction * (double)total_answered), seen = 0;
    for (uint32_t micros = 0; micros <= LATENCIES; micros++) {
        seen += latencies[micros];
        if (seen >= wanted) return micros;
    }
    return LATENCIES;
}

static bool is_told_to_end(void) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&input, 1, 0) > 0;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: numbered PORT PATH CONNECTIONS RATE SECONDS\n");
        return 64;
    }
    count = atoi(argv[3]);
    double rate = atof(argv[4]), seconds = atof(argv[5]);
    poller = epoll_create1(0);
    connections = calloc((size_t)count, sizeof *connections);
    if (connections == NULL) fail("calloc");
    for (int i = 0; i < count; i++) open_connection(&connections[i], atoi(argv[1]), argv[2]);
    printf("connected\n");
    fflush(stdout);
    uint64_t began = now(), due = 0;
    uint64_t end = began + (uint64_t)(seconds * 1e9);
    for (int next = 0; now() < end && !is_told_to_end();) {
        uint64_t wanted = (uint64_t)((double)(now() - began) / 1e9 * rate);
        for (; due < wanted; due++, next = (next + 1) % count) send_next(&connections[next]);
        take_in(1);
    }
    double lasted = (double)(now() - began) / 1e9;
    uint64_t patience = now() + PATIENCE_SECONDS * 1000000000ull;
    while (total_answered < total_sent && now() < patience) {
        for (int i = 0; i < count; i++) {
            if (connections[i].fd >= 0) flush(&connections[i]);
        }
        take_in(10);
    }
    if (total_answered != total_sent) {
        fprintf(stderr, "%lu of %lu messages were not answered\n", total_sent - total_answered, total_sent);
        wrong += 1;
    }
    printf("{\"sent\":%lu,\"answered\":%lu,\"rate\":%.0f,\"skipped\":%lu,\"closed\":%lu,\"wrong\":%lu,\"version\":%u,"
           "\"p50_us\":%u,\"p99_us\":%u,\"p999_us\":%u}\n", total_sent, total_answered, (double)total_sent / lasted,
           skipped, closed, wrong, versions_seen, percentile(0.5), percentile(0.99), percentile(0.999));
    return wrong > 0;
}
