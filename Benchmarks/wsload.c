//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// wsload - a single-threaded epoll WebSocket load generator.
// Build: cc -O2 -Wall -o wsload wsload.c        Linux only, no dependencies.
//
// Modes
//   echo       every message is expected back; length, sequence number and
//              content are checked.  Closed loop (--depth messages in flight
//              per connection) or open loop (--rate, latency counted from the
//              scheduled send time, so there is no coordinated omission).
//   broadcast  --senders connections send, --conns receivers count deliveries.
//              Latency comes from a timestamp carried in the payload; each
//              receiver checks that it sees every sender's numbers in order.
//              With --rooms R the --conns connections are spread over the paths
//              PATH/0 to PATH/R-1, and each both sends and receives in its own.
//   idle       opens --conns connections, optionally one echo on each
//              (--touch), holds them for --secs, reports server RSS per conn.
//   churn      --conns slots, each: connect, handshake, one echo, close, again.
//
// All client frames use one constant masking key, so the masked payload is
// computed once and only the few varying bytes are patched per message.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

typedef uint64_t u64;
typedef uint32_t u32;
typedef uint8_t u8;

enum mode { M_ECHO, M_BCAST, M_IDLE, M_CHURN };
enum state { S_DEAD, S_CONN, S_HS, S_OPEN, S_CLOSING };
enum { ECHO_PATCH = 8, BC_PATCH = 26 }; // seq8 | ts16 seq8 sender2

typedef struct conn {
    int fd;
    u8 state, sender, sid, want_out;
    // receive side: a streaming frame parser, no per-connection payload buffer
    u8 hlen, hneed, opcode, fin, in_msg, msg_bad;
    u8 hdr[10];
    u8 ctl[125];
    u8 ctl_len;
    u64 rem;      // bytes left in the current frame
    u64 moff;     // offset in the current message
    u8 head[32];  // expected (echo) or collected (broadcast) first bytes
    // send side: frames are regenerated from (sequence, offset), never queued
    u32 rseq, wseq, eseq; // next reply expected, next to write, next to enqueue
    size_t cur_off;       // bytes already written of frame wseq-1
    u8 cur_patch[32];
    u8 *ctlout;
    u32 ctlout_len;
    u64 *ring; // timestamps, indexed by seq & (rcap-1)
    u32 rcap;
    u64 t_start, msgs;
    char *hs;
    u32 hs_len, hs_sent;
    u32 *lastseq; // broadcast receivers: next number expected from each sender
    bool dirty;
} conn;

// ---- options --------------------------------------------------------------
static char o_host[64] = "127.0.0.1", o_path[256] = "/";
static int o_port = 9000, o_conns = 64, o_depth = 1, o_senders = 1, o_par = 128, o_srcs = 0, o_rooms = 0;
static long o_size = 32;
static double o_secs = 5, o_warm = 1, o_rate = 0;
static bool o_bin, o_json, o_touch, o_full = true, o_spin = true, o_busy, o_fullset, o_deflate;
static int o_pid = 0;
static enum mode o_mode = M_ECHO;
static const char *o_sub, *o_label = "";

// ---- globals --------------------------------------------------------------
static int ep;
static conn *cs;
static int ncs;
static u8 *tmpl_plain, *tmpl_frame; // payload; header+mask+masked payload
static size_t F, HL, P;             // frame length, header length, patch length
static const u8 MASK[4] = {0x12, 0xA7, 0x5C, 0xE9};
static u8 *rbuf, *scratch;
enum { RB = 1 << 18, SCR = 1 << 18 };
static u64 now;
static int n_open, n_pending, n_next, live_failed;
static bool running, measuring, draining;
static u64 win_start, win_end;
static u64 c_msgs, c_cycles, c_bytes;
static u64 e_connect, e_hs, e_proto, e_content, e_closed, e_lost, e_seq;
static u64 total_sent, total_recv, bc_sent, bc_delivered;
static u64 n_ping, n_frag;
static char req[1024];
static int req_len;
static int members; // of the room that a broadcast is for

static u64 ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000ull + (u64)t.tv_nsec;
}

// ---- log-linear histogram, 256 buckets per octave (0.4 %) ------------------
enum { HB = 8 };
static u64 hist[(64 - HB + 1) << HB], h_n, h_max;
static inline void h_add(u64 v) {
    u32 i;
    if (v < (1u << HB)) i = (u32)v;
    else {
        int sh = 63 - __builtin_clzll(v) - HB;
        i = ((u32)(sh + 1) << HB) + (u32)((v >> sh) - (1u << HB));
    }
    hist[i]++;
    h_n++;
    if (v > h_max) h_max = v;
}
static double h_q(double q) { // microseconds
    if (!h_n) return 0;
    u64 want = (u64)(q * (double)h_n + 0.5), seen = 0;
    if (want < 1) want = 1;
    if (want > h_n) want = h_n;
    for (u32 i = 0; i < sizeof hist / sizeof *hist; i++) {
        seen += hist[i];
        if (seen >= want) {
            u64 v;
            if (i < (1u << HB)) v = i;
            else {
                int sh = (int)(i >> HB) - 1;
                v = (((u64)(i & ((1u << HB) - 1)) + (1u << HB)) << sh) + ((1ull << sh) >> 1);
            }
            return (double)(v < h_max ? v : h_max) / 1e3;
        }
    }
    return (double)h_max / 1e3;
}

// ---- server process accounting --------------------------------------------
// The whole process tree under --server-pid: user+system time of live
// processes (all threads) plus that of children already reaped.
typedef struct { double cpu, user, sys, rss, pss; int procs, threads; } pstat;
static void one_proc(int pid, pstat *s, bool mem) {
    char f[64], b[1024];
    snprintf(f, sizeof f, "/proc/%d/stat", pid);
    FILE *fp = fopen(f, "r");
    if (!fp) return;
    size_t n = fread(b, 1, sizeof b - 1, fp);
    b[n] = 0;
    fclose(fp);
    char *p = strrchr(b, ')');
    if (!p) return;
    unsigned long ut, st;
    long cut, cst, thr;
    if (sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %ld", &ut, &st, &cut, &cst, &thr) != 5) return;
    double hz = (double)sysconf(_SC_CLK_TCK);
    s->user += ((double)ut + (double)cut) / hz;
    s->sys += ((double)st + (double)cst) / hz;
    s->cpu = s->user + s->sys;
    s->procs++;
    s->threads += (int)thr;
    if (!mem) return;
    snprintf(f, sizeof f, "/proc/%d/statm", pid);
    if ((fp = fopen(f, "r"))) {
        unsigned long a, r;
        if (fscanf(fp, "%lu %lu", &a, &r) == 2) s->rss += (double)r * (double)sysconf(_SC_PAGESIZE);
        fclose(fp);
    }
    snprintf(f, sizeof f, "/proc/%d/smaps_rollup", pid);
    if ((fp = fopen(f, "r"))) {
        while (fgets(b, sizeof b, fp)) {
            unsigned long k;
            if (sscanf(b, "Pss: %lu", &k) == 1) s->pss += (double)k * 1024;
        }
        fclose(fp);
    }
}
static pstat tree_stat(int root, bool mem) {
    static int pid[1 << 16], ppid[1 << 16];
    static u8 in[1 << 16];
    pstat s = {0};
    if (!root) return s;
    int n = 0;
    DIR *d = opendir("/proc");
    struct dirent *e;
    while (d && (e = readdir(d)) && n < (1 << 16)) {
        int p = atoi(e->d_name);
        if (p <= 0) continue;
        char f[64], b[512];
        snprintf(f, sizeof f, "/proc/%d/stat", p);
        FILE *fp = fopen(f, "r");
        if (!fp) continue;
        size_t k = fread(b, 1, sizeof b - 1, fp);
        b[k] = 0;
        fclose(fp);
        char *q = strrchr(b, ')');
        if (!q || sscanf(q + 2, "%*c %d", &ppid[n]) != 1) continue;
        pid[n] = p;
        in[n] = p == root;
        n++;
    }
    if (d) closedir(d);
    for (bool again = true; again;) {
        again = false;
        for (int i = 0; i < n; i++)
            if (!in[i])
                for (int j = 0; j < n; j++)
                    if (in[j] && pid[j] == ppid[i]) { in[i] = 1; again = true; break; }
    }
    for (int i = 0; i < n; i++)
        if (in[i]) one_proc(pid[i], &s, mem);
    return s;
}

// ---- hex ------------------------------------------------------------------
static u8 hex2[256][2];
static int8_t unhex[256];
static void hex_init(void) {
    static const char d[] = "0123456789abcdef";
    memset(unhex, -1, sizeof unhex);
    for (int i = 0; i < 256; i++) { hex2[i][0] = (u8)d[i >> 4]; hex2[i][1] = (u8)d[i & 15]; }
    for (int i = 0; i < 16; i++) unhex[(u8)d[i]] = (int8_t)i;
}
static inline void put_hex(u8 *o, u64 v, int bytes) {
    for (int i = bytes - 1; i >= 0; i--, o += 2) memcpy(o, hex2[(v >> (8 * i)) & 255], 2);
}
static bool get_hex(const u8 *p, int digits, u64 *v) {
    u64 r = 0;
    for (int i = 0; i < digits; i++) {
        if (unhex[p[i]] < 0) return false;
        r = r << 4 | (u64)unhex[p[i]];
    }
    *v = r;
    return true;
}

// ---- message template -----------------------------------------------------
static void make_template(void) {
    P = o_mode == M_BCAST ? BC_PATCH : ECHO_PATCH;
    if (o_mode == M_BCAST && o_size < BC_PATCH) o_size = BC_PATCH;
    if ((size_t)o_size < P) P = (size_t)o_size;
    size_t n = (size_t)o_size;
    HL = 2 + (n < 126 ? 0 : n < 65536 ? 2 : 8) + 4;
    F = HL + n;
    tmpl_plain = malloc(n + 64);
    tmpl_frame = malloc(F + 64);
    for (size_t i = 0; i < n; i++) tmpl_plain[i] = o_bin ? (u8)(i * 131 + (i >> 8)) : (u8)('a' + (i * 7 + (i >> 6)) % 26);
    u8 *p = tmpl_frame;
    *p++ = (u8)(0x80 | (o_bin ? 2 : 1));
    if (n < 126) *p++ = (u8)(0x80 | n);
    else if (n < 65536) { *p++ = 0x80 | 126; *p++ = (u8)(n >> 8); *p++ = (u8)n; }
    else { *p++ = 0x80 | 127; for (int i = 7; i >= 0; i--) *p++ = (u8)((u64)n >> (8 * i)); }
    memcpy(p, MASK, 4);
    p += 4;
    for (size_t i = 0; i < n; i++) p[i] = tmpl_plain[i] ^ MASK[i & 3];
}
static inline void make_patch(conn *c, u32 seq, u8 out[32]) { // plain bytes
    if (o_mode == M_BCAST) {
        put_hex(out, c->ring[seq & (c->rcap - 1)], 8);
        put_hex(out + 16, seq, 4);
        put_hex(out + 24, c->sid, 1);
    } else put_hex(out, seq, 4);
}
static inline void put_masked(u8 *dst, const u8 *plain, size_t n) {
    for (size_t i = 0; i < n; i++) dst[i] = plain[i] ^ MASK[i & 3];
}

// ---- connection life ------------------------------------------------------
static void start_conn(conn *c);
static void set_events(conn *c, bool out) {
    if (c->want_out == out) return;
    c->want_out = out;
    struct epoll_event e = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(ep, EPOLL_CTL_MOD, c->fd, &e);
}
static void drop(conn *c) {
    if (c->state == S_DEAD) return;
    if (c->state == S_CONN || c->state == S_HS) n_pending--;
    else if (c->state == S_OPEN || c->state == S_CLOSING) n_open--;
    close(c->fd);
    c->fd = -1;
    c->state = S_DEAD;
    free(c->hs);
    c->hs = NULL;
    free(c->ctlout);
    c->ctlout = NULL;
    c->ctlout_len = 0;
}
static void fail(conn *c, u64 *counter) {
    (*counter)++;
    live_failed++;
    drop(c);
    if (o_mode == M_CHURN && running && !draining && live_failed < 100000) start_conn(c);
}

static void queue_ctl(conn *c, int op, const u8 *pl, u32 n) {
    c->ctlout = realloc(c->ctlout, c->ctlout_len + n + 6);
    u8 *p = c->ctlout + c->ctlout_len;
    *p++ = (u8)(0x80 | op);
    *p++ = (u8)(0x80 | n);
    memcpy(p, MASK, 4);
    put_masked(p + 4, pl, n);
    c->ctlout_len += n + 6;
}

static inline void enqueue(conn *c, u64 ts) {
    u32 oldest = o_mode == M_BCAST ? c->wseq : c->rseq;
    if (c->eseq - oldest >= c->rcap) {
        u32 nc = c->rcap ? c->rcap * 2 : 16;
        u64 *nr = malloc(nc * sizeof *nr);
        for (u32 s = oldest; s != c->eseq; s++) nr[s & (nc - 1)] = c->ring[s & (c->rcap - 1)];
        free(c->ring);
        c->ring = nr;
        c->rcap = nc;
    }
    c->ring[c->eseq & (c->rcap - 1)] = ts;
    c->eseq++;
    total_sent++;
}

// Writes everything owed; regenerates a partly written frame from its offset.
static void flush_conn(conn *c) {
    while (c->state == S_OPEN || c->state == S_CLOSING) {
        u32 owe = c->eseq - c->wseq;
        if (!c->cur_off && !c->ctlout_len && !owe) { if (c->want_out) set_events(c, false); return; }
        size_t H = HL + P, tail = c->cur_off ? F - c->cur_off : 0, total = 0;
        u32 k = 0;
        ssize_t w;
        if (F <= 4096) {
            u8 *p = scratch;
            if (tail) {
                memcpy(p, tmpl_frame + c->cur_off, tail);
                if (c->cur_off < H) {
                    u8 full[64];
                    memcpy(full, tmpl_frame, HL);
                    put_masked(full + HL, c->cur_patch, P);
                    memcpy(p, full + c->cur_off, H - c->cur_off);
                }
                p += tail;
            }
            if (c->ctlout_len) { memcpy(p, c->ctlout, c->ctlout_len); p += c->ctlout_len; }
            k = (u32)((SCR - (size_t)(p - scratch)) / F);
            if (k > owe) k = owe;
            for (u32 i = 0; i < k; i++) {
                u8 pl[32];
                memcpy(p, tmpl_frame, F);
                make_patch(c, c->wseq + i, pl);
                put_masked(p + HL, pl, P);
                p += F;
            }
            total = (size_t)(p - scratch);
            w = send(c->fd, scratch, total, MSG_NOSIGNAL);
        } else {
            struct iovec v[70];
            static u8 heads[34][64];
            int n = 0;
            if (tail) {
                size_t o = c->cur_off;
                if (o < H) {
                    memcpy(heads[33], tmpl_frame, HL);
                    put_masked(heads[33] + HL, c->cur_patch, P);
                    v[n++] = (struct iovec){heads[33] + o, H - o};
                    o = H;
                }
                if (o < F) v[n++] = (struct iovec){tmpl_frame + o, F - o};
            }
            if (c->ctlout_len) v[n++] = (struct iovec){c->ctlout, c->ctlout_len};
            k = owe > 32 ? 32 : owe;
            for (u32 i = 0; i < k; i++) {
                u8 pl[32];
                make_patch(c, c->wseq + i, pl);
                memcpy(heads[i], tmpl_frame, HL);
                put_masked(heads[i] + HL, pl, P);
                v[n++] = (struct iovec){heads[i], H};
                v[n++] = (struct iovec){tmpl_frame + H, F - H};
            }
            for (int i = 0; i < n; i++) total += v[i].iov_len;
            struct msghdr m = {.msg_iov = v, .msg_iovlen = (size_t)n};
            w = sendmsg(c->fd, &m, MSG_NOSIGNAL);
        }
        if (w < 0) {
            if (errno == EAGAIN) { set_events(c, true); return; }
            if (errno == EINTR) continue;
            if (c->state == S_CLOSING || draining) drop(c); else fail(c, &e_closed);
            return;
        }
        size_t left = (size_t)w;
        if (tail) {
            if (left < tail) { c->cur_off += left; set_events(c, true); return; }
            left -= tail;
            c->cur_off = 0;
        }
        if (c->ctlout_len) {
            size_t a = left < c->ctlout_len ? left : c->ctlout_len;
            memmove(c->ctlout, c->ctlout + a, c->ctlout_len - a);
            c->ctlout_len -= (u32)a;
            left -= a;
            if (c->ctlout_len) { set_events(c, true); return; }
        }
        u32 whole = (u32)(left / F);
        size_t part = left % F;
        c->wseq += whole;
        if (part) {
            make_patch(c, c->wseq, c->cur_patch);
            c->cur_off = part;
            c->wseq++;
        }
        if ((size_t)w < total) { set_events(c, true); return; }
    }
}

static void churn_close(conn *c) {
    static const u8 code[2] = {0x03, 0xE8};
    queue_ctl(c, 8, code, 2);
    c->state = S_CLOSING;
    flush_conn(c);
}

// ---- receive --------------------------------------------------------------
static void message_done(conn *c) {
    total_recv++;
    if (o_mode == M_BCAST) {
        if (c->moff != (u64)o_size || c->msg_bad) { e_content++; return; }
        if (c->sender) return;
        static u8 last[16];
        static u64 last_ts;
        u64 seq, sid;
        if (memcmp(last, c->head, 16)) {
            if (!get_hex(c->head, 16, &last_ts)) { e_content++; return; }
            memcpy(last, c->head, 16);
        }
        if (!get_hex(c->head + 16, 8, &seq) || !get_hex(c->head + 24, 2, &sid) || sid >= (u64)o_senders) { e_content++; return; }
        if (c->lastseq[sid] != (u32)seq) e_seq++;
        c->lastseq[sid] = (u32)seq + 1;
        bc_delivered++;
        c->msgs++;
        if (measuring && now >= win_start && now < win_end) {
            c_msgs++;
            c_bytes += c->moff;
            h_add(now > last_ts ? now - last_ts : 0);
        }
        return;
    }
    if (c->rseq == c->eseq) { e_proto++; return; } // more replies than requests
    u64 ts = c->ring[c->rseq & (c->rcap - 1)];
    c->rseq++;
    if (c->moff != (u64)o_size || c->msg_bad) e_content++;
    c->msgs++;
    if (o_rate > 0) { // open loop: the window is over scheduled times
        if (measuring && ts >= win_start && ts < win_end) h_add(now > ts ? now - ts : 0);
        if (measuring && now >= win_start && now < win_end) { c_msgs++; c_bytes += c->moff; }
    } else if (measuring && now >= win_start && now < win_end) {
        c_msgs++;
        c_bytes += c->moff;
        if (o_mode != M_CHURN) h_add(now - ts);
    }
}
static inline void payload(conn *c, const u8 *p, size_t n) {
    u64 o = c->moff;
    c->moff += n;
    if (o + n > (u64)o_size) { c->msg_bad = 1; return; }
    if (o < P) {
        size_t a = P - o < n ? P - o : n;
        if (o_mode == M_BCAST) memcpy(c->head + o, p, a);
        else if (memcmp(c->head + o, p, a)) c->msg_bad = 1;
        o += a;
        p += a;
        n -= a;
    }
    if (!n) return;
    if (!o_full) { // edges only: the last 16 bytes
        u64 from = (u64)o_size > 16 ? (u64)o_size - 16 : 0;
        if (o + n <= from) return;
        if (o < from) { p += from - o; n -= from - o; o = from; }
    }
    if (memcmp(tmpl_plain + o, p, n)) c->msg_bad = 1;
}
static void open_done(conn *c);
// Returns false if the connection is gone.
static bool frames(conn *c, const u8 *p, size_t n) {
    while (n) {
        if (!c->rem && c->hneed != 255) { // header
            if (c->hlen < 2) {
                size_t a = 2u - c->hlen < n ? 2u - c->hlen : n;
                memcpy(c->hdr + c->hlen, p, a);
                c->hlen += (u8)a;
                p += a;
                n -= a;
                if (c->hlen < 2) return true;
                int l = c->hdr[1] & 127;
                c->hneed = (u8)(l < 126 ? 2 : l == 126 ? 4 : 10);
            }
            if (c->hlen < c->hneed) {
                size_t a = (size_t)(c->hneed - c->hlen) < n ? (size_t)(c->hneed - c->hlen) : n;
                memcpy(c->hdr + c->hlen, p, a);
                c->hlen += (u8)a;
                p += a;
                n -= a;
                if (c->hlen < c->hneed) return true;
            }
            u64 len = c->hdr[1] & 127;
            if (len == 126) len = (u64)c->hdr[2] << 8 | c->hdr[3];
            else if (len == 127) { len = 0; for (int i = 0; i < 8; i++) len = len << 8 | c->hdr[2 + i]; }
            c->opcode = c->hdr[0] & 15;
            c->fin = c->hdr[0] >> 7;
            if ((c->hdr[0] & 0x70) || (c->hdr[1] & 0x80)) { fail(c, &e_proto); return false; }
            if (c->opcode & 8) {
                if (len > 125 || !c->fin || c->opcode > 10) { fail(c, &e_proto); return false; }
                c->ctl_len = 0;
            } else {
                if (c->opcode == 0 ? !c->in_msg : (c->in_msg || c->opcode != (o_bin ? 2 : 1))) { fail(c, &e_proto); return false; }
                if (c->opcode) {
                    c->in_msg = 1;
                    c->moff = 0;
                    c->msg_bad = 0;
                    if (o_mode != M_BCAST) put_hex(c->head, c->rseq, 4);
                }
                if (!c->fin) n_frag++;
            }
            c->rem = len;
            c->hlen = 0;
            if (len) { c->hneed = 255; continue; }
        }
        if (c->rem) {
            size_t a = c->rem < n ? (size_t)c->rem : n;
            if (c->opcode & 8) { memcpy(c->ctl + c->ctl_len, p, a); c->ctl_len += (u8)a; }
            else payload(c, p, a);
            c->rem -= a;
            p += a;
            n -= a;
            if (c->rem) return true;
        }
        c->hneed = 0;
        if (c->opcode == 8) {
            if (c->state == S_CLOSING) return true; // wait for EOF or close below
            if (draining) { drop(c); return false; }
            fail(c, &e_closed);
            return false;
        } else if (c->opcode == 9) { n_ping++; queue_ctl(c, 10, c->ctl, c->ctl_len); }
        else if (!(c->opcode & 8) && c->fin) { c->in_msg = 0; message_done(c); }
    }
    return true;
}

static void churn_cycle_end(conn *c) {
    if (measuring && now >= win_start && now < win_end) c_cycles++;
    drop(c);
    if (!draining) start_conn(c);
}
static bool close_seen(conn *c) { return c->state == S_CLOSING && c->opcode == 8 && !c->rem && !c->hlen; }

static void after_frames(conn *c, u32 before) {
    u32 got = c->rseq - before;
    if (o_mode == M_CHURN) {
        if (got && c->state == S_OPEN) {
            if (measuring && now >= win_start && now < win_end) h_add(now - c->t_start);
            churn_close(c);
        }
        return;
    }
    if (o_mode == M_ECHO && o_rate <= 0 && running && !draining)
        for (u32 i = 0; i < got; i++) enqueue(c, now);
    if (c->eseq != c->wseq || c->ctlout_len) flush_conn(c);
}

static void on_read(conn *c) {
    ssize_t r = recv(c->fd, rbuf, RB, 0);
    if (r < 0) {
        if (errno == EAGAIN || errno == EINTR) return;
        r = 0;
    }
    now = ns();
    if (c->state == S_HS) {
        if (r == 0) { fail(c, &e_hs); return; }
        if (!c->hs) { c->hs = malloc(4096); c->hs_len = 0; }
        size_t a = (size_t)r < 4095 - c->hs_len ? (size_t)r : 4095 - c->hs_len;
        memcpy(c->hs + c->hs_len, rbuf, a);
        c->hs_len += (u32)a;
        c->hs[c->hs_len] = 0;
        char *e = strstr(c->hs, "\r\n\r\n");
        if (!e) { if (c->hs_len >= 4095) fail(c, &e_hs); return; }
        if (strncmp(c->hs, "HTTP/1.1 101", 12) || !strstr(c->hs, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")) {
            static bool shown;
            if (!shown) { shown = true; fprintf(stderr, "wsload: bad handshake reply:\n%.300s\n", c->hs); }
            fail(c, &e_hs);
            return;
        }
        size_t used = (size_t)(e + 4 - c->hs);
        size_t prev = c->hs_len - a; // bytes of hs that came from earlier reads
        free(c->hs);
        c->hs = NULL;
        n_pending--;
        n_open++;
        c->state = S_OPEN;
        open_done(c);
        size_t skip = used - prev;
        if ((size_t)r > skip && c->state == S_OPEN) {
            u32 b = c->rseq;
            if (frames(c, rbuf + skip, (size_t)r - skip)) after_frames(c, b);
        }
        return;
    }
    if (r == 0) {
        if (c->state == S_CLOSING) { churn_cycle_end(c); return; }
        if (draining) { drop(c); return; }
        fail(c, &e_closed);
        return;
    }
    u32 b = c->rseq;
    if (!frames(c, rbuf, (size_t)r)) return;
    after_frames(c, b);
    if (o_mode == M_CHURN && close_seen(c)) churn_cycle_end(c);
}

// The request of a connection: of its room, where there are rooms.
static void make_request(const conn *c) {
    char room[16] = "";
    if (o_rooms) snprintf(room, sizeof room, "/%d", (int)(c - cs) % o_rooms);
    req_len = snprintf(req, sizeof req,
        "GET %s%s HTTP/1.1\r\nHost: %s:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s%s\r\n",
        o_path, room, o_host, o_port, o_sub ? "Sec-WebSocket-Protocol: " : "", o_sub ? o_sub : "", o_sub ? "\r\n" : "",
        o_deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
}

static struct sockaddr_in dst;
static u32 src_next;
static void start_conn(conn *c) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) { perror("socket"); e_connect++; return; }
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (o_srcs > 0) {
        struct sockaddr_in s = {.sin_family = AF_INET};
        s.sin_addr.s_addr = htonl(0x7F000002u + src_next++ % (u32)o_srcs);
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
        if (bind(fd, (struct sockaddr *)&s, sizeof s)) perror("bind");
    }
    c->fd = fd;
    c->hlen = c->hneed = c->in_msg = c->ctl_len = c->opcode = 0;
    c->rem = c->moff = 0;
    c->rseq = c->wseq = c->eseq = 0;
    c->cur_off = 0;
    c->want_out = 1;
    c->hs_sent = 0;
    c->t_start = ns();
    if (o_rooms) make_request(c);
    int r = connect(fd, (struct sockaddr *)&dst, sizeof dst);
    if (r && errno != EINPROGRESS) {
        static int shown;
        if (shown++ < 3) perror("connect");
        e_connect++;
        live_failed++;
        close(fd);
        c->state = S_DEAD;
        return;
    }
    n_pending++;
    c->state = S_CONN;
    struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
    if (r == 0 && send(fd, req, (size_t)req_len, MSG_NOSIGNAL) == req_len) { // loopback often connects at once
        c->state = S_HS;
        c->want_out = 0;
        e.events = EPOLLIN;
    }
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}
static void on_writable(conn *c) {
    if (c->state == S_CONN) {
        int err = 0;
        socklen_t l = sizeof err;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &err, &l);
        if (err) {
            static int shown;
            if (shown++ < 3) fprintf(stderr, "wsload: connect: %s\n", strerror(err));
            fail(c, &e_connect);
            return;
        }
        if (o_rooms) make_request(c);
        ssize_t w = send(c->fd, req + c->hs_sent, (size_t)req_len - c->hs_sent, MSG_NOSIGNAL);
        if (w < 0) { if (errno != EAGAIN) fail(c, &e_hs); return; }
        c->hs_sent += (u32)w;
        if ((int)c->hs_sent < req_len) return;
        c->state = S_HS;
        set_events(c, false);
        return;
    }
    flush_conn(c);
}
static void open_done(conn *c) {
    if (o_mode == M_CHURN || (o_mode == M_IDLE && o_touch)) { enqueue(c, now); flush_conn(c); }
}

// One turn of the loop; timeout in ns (0 = poll).
static void turn(u64 timeout) {
    static struct epoll_event ev[512];
    int n;
    if (timeout == 0) n = epoll_wait(ep, ev, 512, 0);
    else if (timeout >= 1000000) n = epoll_wait(ep, ev, 512, (int)(timeout / 1000000));
    else {
        struct timespec t = {0, (long)timeout};
        n = epoll_pwait2(ep, ev, 512, &t, NULL);
        if (n < 0 && errno == ENOSYS) n = epoll_wait(ep, ev, 512, 0);
    }
    for (int i = 0; i < n; i++) {
        conn *c = ev[i].data.ptr;
        if (c->state == S_DEAD) continue;
        if (ev[i].events & EPOLLOUT) on_writable(c);
        if (c->state != S_DEAD && c->state != S_CONN && (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) on_read(c);
        else if (c->state == S_CONN && (ev[i].events & (EPOLLHUP | EPOLLERR)) && !(ev[i].events & EPOLLOUT)) fail(c, &e_connect);
    }
    now = ns();
}

static void usage(void) {
    fprintf(stderr,
        "wsload --url HOST:PORT/PATH [--mode echo|broadcast|idle|churn] [--conns N] [--size BYTES] [--binary]\n"
        "  [--depth D] [--rate R (open loop, msgs/s in total)] [--secs S] [--warmup S] [--senders K]\n"
        "  [--server-pid PID] [--json] [--label TEXT] [--touch] [--srcs K] [--par K] [--subproto P]\n"
        "  [--verify full|edge] [--no-spin] [--spin] [--rooms R (broadcast: all connections talk, in R rooms)]\n"
        "  [--deflate (offer permessage-deflate; for small echoes and --mode idle, nothing is inflated here)]\n");
    exit(2);
}

int main(int argc, char **argv) {
    static struct option lo[] = {
        {"url", 1, 0, 'u'}, {"conns", 1, 0, 'c'}, {"size", 1, 0, 's'}, {"binary", 0, 0, 'b'}, {"depth", 1, 0, 'd'},
        {"secs", 1, 0, 't'}, {"warmup", 1, 0, 'w'}, {"rate", 1, 0, 'r'}, {"mode", 1, 0, 'm'}, {"server-pid", 1, 0, 'p'},
        {"json", 0, 0, 'j'}, {"senders", 1, 0, 'S'}, {"touch", 0, 0, 'T'}, {"srcs", 1, 0, 'x'}, {"par", 1, 0, 'P'},
        {"subproto", 1, 0, 'q'}, {"verify", 1, 0, 'v'}, {"no-spin", 0, 0, 'n'}, {"label", 1, 0, 'l'}, {"spin", 0, 0, 'B'},
        {"deflate", 0, 0, 'z'}, {"rooms", 1, 0, 'R'}, {0, 0, 0, 0}};
    int o;
    while ((o = getopt_long(argc, argv, "", lo, NULL)) != -1) switch (o) {
        case 'u': {
            char *a = strstr(optarg, "://");
            a = a ? a + 3 : optarg;
            char *sl = strchr(a, '/');
            if (sl) snprintf(o_path, sizeof o_path, "%s", sl);
            char *co = strchr(a, ':');
            if (!co || (sl && co > sl)) usage();
            snprintf(o_host, sizeof o_host, "%.*s", (int)(co - a), a);
            o_port = atoi(co + 1);
            break;
        }
        case 'c': o_conns = atoi(optarg); break;
        case 's': o_size = atol(optarg); break;
        case 'b': o_bin = true; break;
        case 'd': o_depth = atoi(optarg); break;
        case 't': o_secs = atof(optarg); break;
        case 'w': o_warm = atof(optarg); break;
        case 'r': o_rate = atof(optarg); break;
        case 'm':
            if (!strcmp(optarg, "echo")) o_mode = M_ECHO;
            else if (!strcmp(optarg, "broadcast")) o_mode = M_BCAST;
            else if (!strcmp(optarg, "idle")) o_mode = M_IDLE;
            else if (!strcmp(optarg, "churn")) o_mode = M_CHURN;
            else usage();
            break;
        case 'p': o_pid = atoi(optarg); break;
        case 'j': o_json = true; break;
        case 'S': o_senders = atoi(optarg); break;
        case 'T': o_touch = true; break;
        case 'x': o_srcs = atoi(optarg); break;
        case 'P': o_par = atoi(optarg); break;
        case 'q': o_sub = optarg; break;
        case 'v': o_full = !strcmp(optarg, "full"); o_fullset = true; break;
        case 'n': o_spin = false; break;
        case 'B': o_busy = true; break;
        case 'l': o_label = optarg; break;
        case 'z': o_deflate = true; break;
        case 'R': o_rooms = atoi(optarg); break;
        default: usage();
    }
    if (!strcmp(o_host, "localhost")) strcpy(o_host, "127.0.0.1");
    if (o_conns < 1 || o_depth < 1 || o_size < 0 || o_size > (64 << 20) || o_senders < 1 || o_senders > 255) usage();
    if (o_rooms && (o_mode != M_BCAST || o_rooms < 0 || o_conns % o_rooms || o_conns / o_rooms > 255)) usage();
    if (!o_fullset) o_full = o_size <= 16384;
    dst.sin_family = AF_INET;
    dst.sin_port = htons((uint16_t)o_port);
    if (inet_pton(AF_INET, o_host, &dst.sin_addr) != 1) usage();
    if (!o_srcs && (ntohl(dst.sin_addr.s_addr) >> 24) == 127) {
        if (o_mode == M_CHURN) o_srcs = 32;
        else if (o_conns > 20000) o_srcs = o_conns / 20000 + 1;
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_TIMERSLACK, 1);
    struct rlimit rl = {1 << 20, 1 << 20};
    if (setrlimit(RLIMIT_NOFILE, &rl)) {
        getrlimit(RLIMIT_NOFILE, &rl);
        rl.rlim_cur = rl.rlim_max;
        setrlimit(RLIMIT_NOFILE, &rl);
    }
    hex_init();
    make_template();
    rbuf = malloc(RB);
    scratch = malloc(SCR + 8192);
    ep = epoll_create1(EPOLL_CLOEXEC);
    members = o_conns;
    if (o_rooms) members = o_senders = o_conns / o_rooms;
    ncs = o_conns + (o_mode == M_BCAST && !o_rooms ? o_senders : 0);
    cs = calloc((size_t)ncs, sizeof *cs);
    make_request(cs);
    for (int i = 0; i < ncs; i++) {
        if (o_mode == M_BCAST) {
            if (o_rooms) cs[i].sid = (u8)(i / o_rooms);
            if (i >= o_conns) { cs[i].sender = 1; cs[i].sid = (u8)(i - o_conns); }
            else cs[i].lastseq = calloc((size_t)o_senders, sizeof(u32));
        }
    }
    pstat before = tree_stat(o_pid, true), at_start = before, at_end = before;

    // connect phase
    now = ns();
    u64 t_conn = now;
    if (o_mode == M_CHURN) {
        running = true;
        for (int i = 0; i < ncs; i++) start_conn(&cs[i]);
    } else {
        u64 progress = now;
        int last_open = 0;
        while (n_open + live_failed < ncs) {
            while (n_next < ncs && n_pending < o_par) start_conn(&cs[n_next++]);
            turn(10000000);
            if (n_open != last_open) { last_open = n_open; progress = now; }
            if (now - progress > 10000000000ull) { fprintf(stderr, "wsload: stuck connecting, %d of %d open\n", n_open, ncs); break; }
        }
    }
    double conn_secs = (double)(ns() - t_conn) / 1e9;
    double idle_cpu = 0;

    // load phase
    struct rusage r0, r1;
    getrusage(RUSAGE_SELF, &r0);
    now = ns();
    u64 t0 = now;
    running = true;
    win_start = t0 + (u64)(o_warm * 1e9);
    win_end = win_start + (u64)(o_secs * 1e9);
    if (o_mode == M_IDLE) {
        while (o_touch && total_recv < (u64)n_open && ns() - t0 < 20000000000ull) turn(10000000);
        if (o_touch) e_lost += (u64)n_open - total_recv;
        u64 te = ns() + (u64)(o_warm * 1e9);
        while (ns() < te) turn(10000000);
        at_start = tree_stat(o_pid, true);
        te = ns() + (u64)(o_secs * 1e9);
        while (ns() < te) turn(10000000);
        at_end = tree_stat(o_pid, true);
        idle_cpu = at_end.cpu - at_start.cpu;
        win_start = 0;
    } else {
        bool started = false;
        u64 seq = 0; // open loop: next message number
        double gap = o_rate > 0 ? 1e9 / o_rate : 0;
        int nsend = o_mode == M_BCAST && !o_rooms ? o_senders : o_conns, first = ncs - nsend;
        conn **dl = malloc((size_t)ncs * sizeof *dl);
        if (o_mode == M_ECHO && o_rate <= 0)
            for (int i = 0; i < ncs; i++)
                if (cs[i].state == S_OPEN) {
                    for (int k = 0; k < o_depth; k++) enqueue(&cs[i], now);
                    flush_conn(&cs[i]);
                }
        while (now < win_end) {
            if (!started && now >= win_start) {
                started = measuring = true;
                at_start = tree_stat(o_pid, false);
                getrusage(RUSAGE_SELF, &r0);
                win_start = now = ns();
                win_end = win_start + (u64)(o_secs * 1e9);
                for (int i = 0; i < ncs; i++) cs[i].msgs = 0;
            }
            u64 wait = 5000000;
            if (o_rate > 0) {
                int nd = 0;
                u64 due;
                while ((due = t0 + (u64)((double)seq * gap)) <= now) {
                    conn *c = &cs[first + (int)(seq % (u64)nsend)];
                    seq++;
                    if (c->state != S_OPEN) { e_lost++; continue; }
                    enqueue(c, due);
                    if (o_mode == M_BCAST) bc_sent++;
                    if (!c->dirty) { c->dirty = true; dl[nd++] = c; }
                }
                for (int i = 0; i < nd; i++) { dl[i]->dirty = false; flush_conn(dl[i]); }
                wait = due - now;
                if (o_spin && wait < 2000000) wait = 0;
            } else if (o_mode == M_BCAST) {
                // closed loop: at most D messages not yet delivered everywhere
                int nr = members - live_failed;
                static u64 rr;
                while (nr > 0 && bc_sent * (u64)nr < bc_delivered + (u64)o_depth * (u64)nr) {
                    conn *c = &cs[first + (int)(rr++ % (u64)nsend)];
                    if (c->state != S_OPEN) break;
                    enqueue(c, now);
                    bc_sent++;
                    flush_conn(c);
                }
            }
            turn(o_busy ? 0 : wait);
            static u64 scan;
            if (o_mode == M_CHURN && now > scan) { // a cycle that hangs for 2 s is an error
                scan = now + 100000000;
                for (int i = 0; i < ncs; i++)
                    if (cs[i].state != S_DEAD && now - cs[i].t_start > 2000000000ull) fail(&cs[i], &e_lost);
            }
            if (n_open == 0 && n_pending == 0) { fprintf(stderr, "wsload: no connections left\n"); break; }
        }
        at_end = tree_stat(o_pid, true);
        getrusage(RUSAGE_SELF, &r1);
        win_end = now < win_start ? win_start : now < win_end ? now : win_end;
        // drain: nothing may be lost
        draining = o_mode == M_CHURN;
        running = false;
        u64 dl_end = ns() + 3000000000ull;
        if (o_mode == M_ECHO) {
            while (total_recv < total_sent && n_open && ns() < dl_end) turn(5000000);
            if (total_recv < total_sent) e_lost += total_sent - total_recv;
        } else if (o_mode == M_BCAST) {
            while (bc_delivered < bc_sent * (u64)members && n_open && ns() < dl_end) turn(5000000);
            if (bc_delivered < bc_sent * (u64)members) e_lost += bc_sent * (u64)members - bc_delivered;
        }
        free(dl);
    }
    if (o_mode == M_IDLE) getrusage(RUSAGE_SELF, &r1);
    double secs = o_mode == M_IDLE ? o_secs : (double)(win_end - win_start) / 1e9;
    u64 mn = ~0ull, mx = 0;
    for (int i = 0; i < o_conns; i++) {
        if (cs[i].msgs < mn) mn = cs[i].msgs;
        if (cs[i].msgs > mx) mx = cs[i].msgs;
    }
    // polite close, then leave
    draining = true;
    if (o_mode != M_CHURN) {
        static const u8 code[2] = {0x03, 0xE8};
        for (int i = 0; i < ncs; i++)
            if (cs[i].state == S_OPEN) { queue_ctl(&cs[i], 8, code, 2); flush_conn(&cs[i]); if (cs[i].state == S_OPEN) cs[i].state = S_CLOSING; }
        u64 te = ns() + 300000000ull;
        while (n_open && ns() < te) turn(10000000);
    }
    for (int i = 0; i < ncs; i++) drop(&cs[i]);

    double cpu = at_end.cpu - at_start.cpu;
    u64 units = o_mode == M_CHURN ? c_cycles : c_msgs;
    double rate = secs > 0 ? (double)units / secs : 0;
    double us = units ? cpu * 1e6 / (double)units : 0;
    double ccpu = (double)(r1.ru_utime.tv_sec + r1.ru_stime.tv_sec - r0.ru_utime.tv_sec - r0.ru_stime.tv_sec) +
                  (double)(r1.ru_utime.tv_usec + r1.ru_stime.tv_usec - r0.ru_utime.tv_usec - r0.ru_stime.tv_usec) / 1e6;
    u64 errs = e_connect + e_hs + e_proto + e_content + e_closed + e_lost + e_seq;
    static const char *mn_[] = {"echo", "broadcast", "idle", "churn"};
    double mb = 1048576.0;
    double per_conn = o_mode == M_IDLE && n_next ? (at_end.rss - before.rss) / (double)o_conns : 0;
    double per_conn_pss = o_mode == M_IDLE && n_next ? (at_end.pss - before.pss) / (double)o_conns : 0;
    if (o_json)
        printf("{\"label\":\"%s\",\"mode\":\"%s\",\"conns\":%d,\"size\":%ld,\"depth\":%d,\"rate\":%.0f,\"secs\":%.3f,"
               "\"msgs_per_s\":%.0f,\"p50_us\":%.1f,\"p90_us\":%.1f,\"p99_us\":%.1f,\"p999_us\":%.1f,\"max_us\":%.1f,"
               "\"errors\":%llu,\"err\":{\"connect\":%llu,\"handshake\":%llu,\"protocol\":%llu,\"content\":%llu,\"closed\":%llu,\"lost\":%llu,\"order\":%llu},"
               "\"srv_cpu_us_per_msg\":%.3f,\"srv_cpu_s_per_M\":%.3f,\"srv_user_pct\":%.0f,\"srv_util\":%.3f,\"srv_rss_mb\":%.1f,\"srv_pss_mb\":%.1f,"
               "\"srv_rss_before_mb\":%.1f,\"rss_per_conn_b\":%.0f,\"pss_per_conn_b\":%.0f,\"idle_cpu_s\":%.3f,\"srv_threads\":%d,\"srv_procs\":%d,"
               "\"client_util\":%.3f,\"connect_s\":%.3f,\"mb_per_s\":%.1f,\"min_conn\":%llu,\"max_conn\":%llu,\"pings\":%llu,\"frags\":%llu,\"msgs\":%llu}\n",
               o_label, mn_[o_mode], o_conns, o_size, o_depth, o_rate, secs, rate, h_q(.5), h_q(.9), h_q(.99), h_q(.999), (double)h_max / 1e3,
               (unsigned long long)errs, (unsigned long long)e_connect, (unsigned long long)e_hs, (unsigned long long)e_proto, (unsigned long long)e_content,
               (unsigned long long)e_closed, (unsigned long long)e_lost, (unsigned long long)e_seq, us, us, cpu > 0 ? 100 * (at_end.user - at_start.user) / cpu : 0,
               secs > 0 ? cpu / secs : 0, at_end.rss / mb, at_end.pss / mb, before.rss / mb, per_conn, per_conn_pss, idle_cpu, at_end.threads, at_end.procs,
               secs > 0 ? ccpu / secs : 0, conn_secs, secs > 0 ? (double)c_bytes / secs / 1e6 : 0, (unsigned long long)mn, (unsigned long long)mx,
               (unsigned long long)n_ping, (unsigned long long)n_frag, (unsigned long long)units);
    else {
        printf("%s %s: %d conns x %ld B, depth %d, rate %.0f, %.2f s (connected in %.2f s)\n", mn_[o_mode], o_label, o_conns, o_size, o_depth, o_rate, secs, conn_secs);
        if (o_mode == M_IDLE)
            printf("  server RSS %.1f -> %.1f MB, %.0f B per connection (PSS %.0f), %.3f CPU s while idle for %.1f s\n", before.rss / mb, at_end.rss / mb, per_conn, per_conn_pss, idle_cpu, o_secs);
        else {
            printf("  %.0f %s/s (%.1f MB/s)  p50 %.1f  p90 %.1f  p99 %.1f  p99.9 %.1f  max %.1f us\n", rate, o_mode == M_CHURN ? "cycles" : o_mode == M_BCAST ? "deliveries" : "msgs",
                   secs > 0 ? (double)c_bytes / secs / 1e6 : 0, h_q(.5), h_q(.9), h_q(.99), h_q(.999), (double)h_max / 1e3);
            printf("  server %.3f us CPU per msg (user %.0f %%), util %.2f, RSS %.1f MB; client util %.2f; per-conn min/max %llu/%llu\n", us,
                   cpu > 0 ? 100 * (at_end.user - at_start.user) / cpu : 0, secs > 0 ? cpu / secs : 0, at_end.rss / mb, secs > 0 ? ccpu / secs : 0, (unsigned long long)mn, (unsigned long long)mx);
        }
        printf("  errors %llu (connect %llu handshake %llu protocol %llu content %llu closed %llu lost %llu order %llu), pings %llu, fragments %llu\n",
               (unsigned long long)errs, (unsigned long long)e_connect, (unsigned long long)e_hs, (unsigned long long)e_proto, (unsigned long long)e_content,
               (unsigned long long)e_closed, (unsigned long long)e_lost, (unsigned long long)e_seq, (unsigned long long)n_ping, (unsigned long long)n_frag);
    }
    return errs ? 1 : 0;
}
