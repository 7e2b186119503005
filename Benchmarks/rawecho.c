//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// rawecho - the 'physical limit' baseline: one thread, one epoll, one recv and
// one send per readable event, no messages objects, no per-message allocation.
// Build: cc -O3 -march=native -o rawecho rawecho.c      usage: rawecho PORT
//   any path   echo, cut-through: payload is unmasked into the output buffer as
//              it arrives and written at once, so no message is ever buffered
//   /bc/N      every complete frame goes to all /bc/N connections, N < 64 (all
//              frames of one read are one write per receiver)
// Not a real server: no UTF-8 check, no fragmentation rules, no timeouts.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

typedef uint8_t u8;
typedef uint32_t u32;
typedef uint64_t u64;
enum { RB = 1 << 19, ROOMS = 64 };
typedef struct conn {
    int fd;
    u8 st, hlen, op, closing; // st: 0 http, 1 echo, 2 broadcast
    u8 hdr[14];
    u8 mask[4];
    u64 rem;
    u8 *buf; // http request, or an incomplete broadcast frame
    u32 blen;
    u8 *out; // unsent bytes
    size_t olen;
    int room, idx; // in its room
} conn;

static int ep;
static u8 rb[RB], ob[RB + 4096];
static struct room {
    conn **of;
    int n, cap;
} rooms[ROOMS];

// ---- SHA-1 + base64 of key + GUID -----------------------------------------
static u32 rol(u32 v, int n) { return v << n | v >> (32 - n); }
static void sha1(const u8 *m, size_t n, u8 out[20]) { // n <= 119
    u8 b[128] = {0};
    u32 h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    memcpy(b, m, n);
    b[n] = 0x80;
    size_t tot = n + 9 <= 64 ? 64 : 128;
    u64 bits = n * 8;
    for (int i = 0; i < 8; i++) b[tot - 1 - (size_t)i] = (u8)(bits >> (8 * i));
    for (size_t o = 0; o < tot; o += 64) {
        u32 w[80], a = h[0], c1 = h[1], c = h[2], d = h[3], e = h[4];
        for (int i = 0; i < 16; i++) w[i] = (u32)b[o + 4 * (size_t)i] << 24 | (u32)b[o + 4 * (size_t)i + 1] << 16 | (u32)b[o + 4 * (size_t)i + 2] << 8 | b[o + 4 * (size_t)i + 3];
        for (int i = 16; i < 80; i++) w[i] = rol(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        for (int i = 0; i < 80; i++) {
            u32 f, k;
            if (i < 20) f = (c1 & c) | (~c1 & d), k = 0x5A827999;
            else if (i < 40) f = c1 ^ c ^ d, k = 0x6ED9EBA1;
            else if (i < 60) f = (c1 & c) | (c1 & d) | (c & d), k = 0x8F1BBCDC;
            else f = c1 ^ c ^ d, k = 0xCA62C1D6;
            u32 t = rol(a, 5) + f + e + k + w[i];
            e = d; d = c; c = rol(c1, 30); c1 = a; a = t;
        }
        h[0] += a; h[1] += c1; h[2] += c; h[3] += d; h[4] += e;
    }
    for (int i = 0; i < 20; i++) out[i] = (u8)(h[i / 4] >> (24 - 8 * (i % 4)));
}
static void accept_key(const char *key, size_t n, char out[29]) {
    static const char t[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    u8 m[128], d[21] = {0};
    memcpy(m, key, n);
    memcpy(m + n, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    sha1(m, n + 36, d);
    char *p = out;
    for (int i = 0; i < 21; i += 3) {
        u32 v = (u32)d[i] << 16 | (u32)d[i + 1] << 8 | d[i + 2];
        *p++ = t[v >> 18]; *p++ = t[v >> 12 & 63]; *p++ = t[v >> 6 & 63]; *p++ = t[v & 63];
    }
    out[27] = '=';
    out[28] = 0;
}

static void drop(conn *c) {
    if (c->st == 2) {
        struct room *r = &rooms[c->room];
        r->of[c->idx] = r->of[--r->n];
        r->of[c->idx]->idx = c->idx;
    }
    close(c->fd);
    free(c->buf);
    free(c->out);
    free(c);
}
static void arm(conn *c, u32 ev) {
    struct epoll_event e = {.events = ev, .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}
// 0 = connection gone
static int put(conn *c, const u8 *p, size_t n) {
    size_t w = 0;
    if (!c->out) {
        ssize_t r = send(c->fd, p, n, MSG_NOSIGNAL);
        if (r < 0 && errno != EAGAIN) return 0;
        w = r < 0 ? 0 : (size_t)r;
        if (w == n) return 1;
        arm(c, c->st == 1 ? EPOLLOUT : EPOLLIN | EPOLLOUT); // an echo stops reading until drained
    }
    c->out = realloc(c->out, c->olen + n - w);
    memcpy(c->out + c->olen, p + w, n - w);
    c->olen += n - w;
    return 1;
}
static void unmask(u8 *restrict d, const u8 *restrict s, size_t n, u8 m[4]) {
    u32 k;
    memcpy(&k, m, 4);
    u64 k8 = (u64)k << 32 | k;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        u64 v;
        memcpy(&v, s + i, 8);
        v ^= k8;
        memcpy(d + i, &v, 8);
    }
    for (; i < n; i++) d[i] = s[i] ^ m[i & 3];
    if (n & 3) { // rotate the key for the next piece
        u8 r[4];
        for (int j = 0; j < 4; j++) r[j] = m[(n + (size_t)j) & 3];
        memcpy(m, r, 4);
    }
}
static size_t put_hdr(u8 *o, u8 b0, u64 len) {
    o[0] = b0;
    if (len < 126) { o[1] = (u8)len; return 2; }
    if (len < 65536) { o[1] = 126; o[2] = (u8)(len >> 8); o[3] = (u8)len; return 4; }
    o[1] = 127;
    for (int i = 0; i < 8; i++) o[2 + i] = (u8)(len >> (56 - 8 * i));
    return 10;
}
static int hdr_need(const u8 *h) { int l = h[1] & 127; return 6 + (l < 126 ? 0 : l == 126 ? 2 : 8); }
static u64 hdr_len(const u8 *h) {
    u64 l = h[1] & 127;
    if (l == 126) return (u64)h[2] << 8 | h[3];
    if (l == 127) { l = 0; for (int i = 0; i < 8; i++) l = l << 8 | h[2 + i]; }
    return l;
}
static u8 reply_b0(u8 b0) { return (b0 & 15) == 9 ? (u8)0x8A : b0; }

static void echo(conn *c, const u8 *p, size_t n) {
    u8 *o = ob;
    while (n) {
        if (!c->rem) {
            const u8 *h;
            int need;
            if (!c->hlen && n >= 14) { h = p; need = hdr_need(h); p += need; n -= (size_t)need; }
            else {
                while (n && (c->hlen < 2 || c->hlen < hdr_need(c->hdr))) { c->hdr[c->hlen++] = *p++; n--; }
                if (c->hlen < 2 || c->hlen < (need = hdr_need(c->hdr))) break;
                h = c->hdr;
                c->hlen = 0;
            }
            if (!(h[1] & 128)) { drop(c); return; }
            c->rem = hdr_len(h);
            memcpy(c->mask, h + need - 4, 4);
            c->op = h[0] & 15;
            if (c->op == 10) { drop(c); return; }
            o += put_hdr(o, reply_b0(h[0]), c->rem);
        }
        size_t a = c->rem < n ? (size_t)c->rem : n;
        unmask(o, p, a, c->mask);
        o += a;
        p += a;
        n -= a;
        c->rem -= a;
        if (!c->rem && c->op == 8) { c->closing = 1; break; }
    }
    if (o != ob && !put(c, ob, (size_t)(o - ob))) { drop(c); return; }
    if (c->closing && !c->out) drop(c);
}
static void bcast(conn *c, u8 *p, size_t n) {
    u8 *o = ob;
    if (c->blen) {
        c->buf = realloc(c->buf, c->blen + n);
        memcpy(c->buf + c->blen, p, n);
        p = c->buf;
        n += c->blen;
    }
    int closed = 0;
    while (n >= 2) {
        size_t need = (size_t)hdr_need(p);
        if (n < need) break;
        u64 len = hdr_len(p);
        if (n < need + len || len > RB / 2) break;
        if ((p[0] & 15) == 8) { closed = 1; break; }
        if (!(p[0] & 8)) {
            u8 m[4];
            memcpy(m, p + need - 4, 4);
            o += put_hdr(o, p[0], len);
            unmask(o, p + need, (size_t)len, m);
            o += len;
        }
        p += need + len;
        n -= need + len;
    }
    if (closed) { static const u8 bye[4] = {0x88, 2, 3, 0xE8}; put(c, bye, 4); }
    else {
        u8 *nb = n ? malloc(n) : NULL;
        if (n) memcpy(nb, p, n);
        free(c->buf);
        c->buf = nb;
        c->blen = (u32)n;
    }
    const struct room *r = &rooms[c->room];
    if (o != ob) for (int i = 0; i < r->n; i++) put(r->of[i], ob, (size_t)(o - ob));
    if (closed) drop(c);
}
static void http(conn *c, const u8 *p, size_t n) {
    c->buf = realloc(c->buf, c->blen + n + 1);
    memcpy(c->buf + c->blen, p, n);
    c->blen += (u32)n;
    c->buf[c->blen] = 0;
    char *e = strstr((char *)c->buf, "\r\n\r\n"), *k;
    if (!e) { if (c->blen > 8192) drop(c); return; }
    k = strcasestr((char *)c->buf, "\r\nSec-WebSocket-Key:");
    if (!k) { drop(c); return; }
    k += 20;
    while (*k == ' ') k++;
    size_t kl = strcspn(k, " \r\n");
    if (kl > 64) { drop(c); return; }
    char a[29], r[256];
    accept_key(k, kl, a);
    int l = snprintf(r, sizeof r, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", a);
    int bc = !strncmp((char *)c->buf, "GET /bc/", 8);
    c->room = bc ? atoi((char *)c->buf + 8) & (ROOMS - 1) : 0;
    free(c->buf);
    c->buf = NULL;
    c->blen = 0;
    if (bc) {
        struct room *m = &rooms[c->room];
        if (m->n == m->cap) m->of = realloc(m->of, (size_t)(m->cap = m->cap ? 2 * m->cap : 64) * sizeof *m->of);
        c->idx = m->n;
        m->of[m->n++] = c;
    }
    c->st = bc ? 2 : 1;
    if (!put(c, (u8 *)r, (size_t)l)) drop(c);
}

int main(int argc, char **argv) {
    int one = 1, ls = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 9001))};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(ls, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(ls, (struct sockaddr *)&a, sizeof a) || listen(ls, 4096)) { perror("bind"); return 1; }
    signal(SIGPIPE, SIG_IGN);
    ep = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN}, ev[1024];
    epoll_ctl(ep, EPOLL_CTL_ADD, ls, &e);
    for (;;) {
        int n = epoll_wait(ep, ev, 1024, -1);
        for (int i = 0; i < n; i++) {
            conn *c = ev[i].data.ptr;
            if (!c) {
                int fd;
                while ((fd = accept4(ls, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    c = calloc(1, sizeof *c);
                    c->fd = fd;
                    struct epoll_event x = {.events = EPOLLIN, .data.ptr = c};
                    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &x);
                }
                continue;
            }
            if (c->out && (ev[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
                ssize_t w = send(c->fd, c->out, c->olen, MSG_NOSIGNAL);
                if (w < 0) { if (errno != EAGAIN) drop(c); continue; }
                memmove(c->out, c->out + w, c->olen - (size_t)w);
                if (!(c->olen -= (size_t)w)) {
                    free(c->out);
                    c->out = NULL;
                    if (c->closing) { drop(c); continue; }
                    arm(c, EPOLLIN);
                }
                continue;
            }
            ssize_t r = recv(c->fd, rb, RB / 2, 0);
            if (r < 0 && errno == EAGAIN) continue;
            if (r <= 0) { drop(c); continue; }
            if (c->st == 1) echo(c, rb, (size_t)r);
            else if (c->st == 2) bcast(c, rb, (size_t)r);
            else http(c, rb, (size_t)r);
        }
    }
}
