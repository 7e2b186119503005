//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The values that all VMs of the process share, by key: a hash table in shards, each behind a lock of its own that is held
// for a few steps, whatever a value's size. A value is bytes that never change; who has got it may read it without a
// lock. Every change gives an entry another version, and a change may depend on the version: so all that is more than
// putting and getting is done outside, and tried again when somebody was quicker. Nothing here knows Lua.

#define _GNU_SOURCE

#include "runtime.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHARD_BITS 6
#define SHARD_COUNT (1 << SHARD_BITS)
// What an entry costs besides its parts: the heads of two blocks, a place in the table and one among the deadlines.
#define ENTRY_COST 48
// How many expired entries a change clears away by the way.
#define CLEARED_AT_ONCE 8

struct nj_blob {
    _Atomic(uint32_t) references;
    size_t length;
    uint8_t bytes[];
};

typedef struct entry {
    struct entry *next;
    nj_blob *value;
    uint64_t hash, version;
    // 0 for one that does not expire; `place` is where it is in the heap then.
    int64_t expiry;
    size_t place;
    size_t key_length;
    char key[];
} entry;

typedef struct shard {
    pthread_mutex_t lock;
    entry **buckets;
    size_t bucket_count, count;
    // The entries that expire, the next one first.
    entry **heap;
    size_t heap_count, heap_capacity;
    uint64_t last_version;
} shard;

struct nj_shared {
    size_t capacity;
    _Atomic(size_t) used;
    _Atomic(int64_t) offset;
    uint64_t hash_key[2];
    shard shards[SHARD_COUNT];
};

// MARK: Values

nj_blob *nj_blob_create(const void *bytes, size_t length) {
    if (length > SIZE_MAX / 2) return NULL;
    nj_blob *blob = malloc(sizeof *blob + length);
    if (blob == NULL) return NULL;
    atomic_init(&blob->references, 1);
    blob->length = length;
    if (length > 0) memcpy(blob->bytes, bytes, length);
    return blob;
}

void nj_blob_release(nj_blob *blob) {
    if (blob != NULL && atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel) == 1) free(blob);
}

const void *nj_blob_bytes(const nj_blob *blob, size_t *length) {
    *length = blob->length;
    return blob->bytes;
}

static size_t cost(size_t key_length, const nj_blob *value) {
    return sizeof(entry) + key_length + sizeof(nj_blob) + value->length + ENTRY_COST;
}

// MARK: Time

static int64_t now(const nj_shared *shared) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec + atomic_load_explicit(&shared->offset, memory_order_relaxed);
}

void nj_shared_advance(nj_shared *shared, int64_t nanoseconds) { atomic_fetch_add(&shared->offset, nanoseconds); }

// MARK: Deadlines: a binary heap

static void set_place(shard *shard, size_t place, entry *entry) {
    shard->heap[place] = entry;
    entry->place = place;
}

static void move_up(shard *shard, entry *entry) {
    size_t place = entry->place;
    while (place > 0 && shard->heap[(place - 1) / 2]->expiry > entry->expiry) {
        set_place(shard, place, shard->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    set_place(shard, place, entry);
}

static void move_down(shard *shard, entry *entry) {
    size_t place = entry->place;
    while (true) {
        size_t child = 2 * place + 1;
        if (child >= shard->heap_count) break;
        if (child + 1 < shard->heap_count && shard->heap[child + 1]->expiry < shard->heap[child]->expiry) child += 1;
        if (shard->heap[child]->expiry >= entry->expiry) break;
        set_place(shard, place, shard->heap[child]);
        place = child;
    }
    set_place(shard, place, entry);
}

static void leave_heap(shard *shard, entry *entry) {
    if (entry->expiry == 0) return;
    entry->expiry = 0;
    shard->heap_count -= 1;
    if (entry->place == shard->heap_count) return;
    struct entry *last = shard->heap[shard->heap_count];
    set_place(shard, entry->place, last);
    move_up(shard, last);
    move_down(shard, last);
}

// Makes room for one more, so that nj_shared_put cannot fail half-way.
static bool reserve_heap(shard *shard) {
    if (shard->heap_count < shard->heap_capacity) return true;
    size_t capacity = shard->heap_capacity < 8 ? 8 : shard->heap_capacity * 2;
    entry **heap = realloc(shard->heap, capacity * sizeof *heap);
    if (heap == NULL) return false;
    shard->heap = heap;
    shard->heap_capacity = capacity;
    return true;
}

static void enter_heap(shard *shard, entry *entry, int64_t expiry) {
    entry->expiry = expiry;
    entry->place = shard->heap_count;
    shard->heap_count += 1;
    move_up(shard, entry);
}

// MARK: The table

static shard *shard_of(nj_shared *shared, uint64_t hash) { return &shared->shards[hash >> (64 - SHARD_BITS)]; }

static entry **find(shard *shard, uint64_t hash, const char *key, size_t key_length) {
    entry **link = &shard->buckets[hash & (shard->bucket_count - 1)];
    for (; *link != NULL; link = &(*link)->next) {
        entry *entry = *link;
        if (entry->hash == hash && entry->key_length == key_length && memcmp(entry->key, key, key_length) == 0) break;
    }
    return link;
}

static bool reserve(nj_shared *shared, size_t size) {
    size_t used = atomic_load_explicit(&shared->used, memory_order_relaxed);
    do {
        if (size > shared->capacity - used) return false;
    } while (!atomic_compare_exchange_weak_explicit(&shared->used, &used, used + size, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

static void give_back(nj_shared *shared, size_t size) {
    atomic_fetch_sub_explicit(&shared->used, size, memory_order_relaxed);
}

// Takes the entry out of the shard and puts it on a list of those to be freed when the lock is open again.
static void take_out(nj_shared *shared, shard *shard, entry **link, entry **dead) {
    entry *entry = *link;
    *link = entry->next;
    leave_heap(shard, entry);
    shard->count -= 1;
    give_back(shared, cost(entry->key_length, entry->value));
    entry->next = *dead;
    *dead = entry;
}

static void free_dead(entry *dead) {
    while (dead != NULL) {
        entry *next = dead->next;
        nj_blob_release(dead->value);
        free(dead);
        dead = next;
    }
}

static void clear_expired(nj_shared *shared, shard *shard, int64_t now, size_t count, entry **dead) {
    for (; count > 0 && shard->heap_count > 0 && shard->heap[0]->expiry <= now; count--) {
        const entry *first = shard->heap[0];
        take_out(shared, shard, find(shard, first->hash, first->key, first->key_length), dead);
    }
}

// Twice as many buckets, or as many as before when there is no memory for them.
static void grow(shard *shard) {
    size_t count = shard->bucket_count * 2;
    entry **buckets = calloc(count, sizeof *buckets);
    if (buckets == NULL) return;
    for (size_t i = 0; i < shard->bucket_count; i++) {
        for (entry *entry = shard->buckets[i], *next; entry != NULL; entry = next) {
            next = entry->next;
            struct entry **bucket = &buckets[entry->hash & (count - 1)];
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    free(shard->buckets);
    shard->buckets = buckets;
    shard->bucket_count = count;
}

static bool insert(shard *shard, uint64_t hash, const nj_change *change) {
    entry *entry = malloc(sizeof *entry + change->key_length);
    if (entry == NULL) return false;
    *entry = (struct entry){.value = change->value, .hash = hash, .key_length = change->key_length};
    memcpy(entry->key, change->key, change->key_length);
    if (shard->count >= shard->bucket_count) grow(shard);
    struct entry **bucket = &shard->buckets[hash & (shard->bucket_count - 1)];
    entry->next = *bucket;
    *bucket = entry;
    shard->count += 1;
    return true;
}

// MARK: Getting and putting

nj_blob *nj_shared_get(nj_shared *shared, const char *key, size_t key_length, uint64_t *version) {
    uint64_t hash = nj_siphash(shared->hash_key, key, key_length);
    shard *shard = shard_of(shared, hash);
    nj_blob *value = NULL;
    *version = 0;
    pthread_mutex_lock(&shard->lock);
    const entry *entry = *find(shard, hash, key, key_length);
    if (entry != NULL && (entry->expiry == 0 || entry->expiry > now(shared))) {
        value = entry->value;
        *version = entry->version;
        atomic_fetch_add_explicit(&value->references, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&shard->lock);
    return value;
}

// Does the change under the shard's lock. What is no longer needed goes on the list, or replaces the change's value.
static nj_change_result change_entry(nj_shared *shared, shard *shard, uint64_t hash, nj_change *change, int64_t time,
                                     entry **dead) {
    clear_expired(shared, shard, time, CLEARED_AT_ONCE, dead);
    entry **link = find(shard, hash, change->key, change->key_length);
    if (*link != NULL && (*link)->expiry != 0 && (*link)->expiry <= time) take_out(shared, shard, link, dead);
    entry *entry = *find(shard, hash, change->key, change->key_length);
    uint64_t version = entry == NULL ? 0 : entry->version;
    if (change->needs_version && version != change->version) return NJ_CHANGE_LATE;
    change->version = version;
    if (change->value == NULL) {
        if (entry != NULL) take_out(shared, shard, find(shard, hash, change->key, change->key_length), dead);
        return NJ_CHANGE_DONE;
    }
    bool is_timed = change->ttl > 0 && (entry == NULL || !change->keeps_ttl);
    size_t before = entry == NULL ? 0 : cost(change->key_length, entry->value);
    size_t after = cost(change->key_length, change->value);
    if (after > before && !reserve(shared, after - before)) return NJ_CHANGE_FULL;
    if ((is_timed && !reserve_heap(shard)) || (entry == NULL && !insert(shard, hash, change))) {
        if (after > before) give_back(shared, after - before);
        return NJ_CHANGE_FULL;
    }
    if (after < before) give_back(shared, before - after);
    nj_blob *old = NULL;
    if (entry == NULL) {
        entry = *find(shard, hash, change->key, change->key_length);
    } else {
        old = entry->value;
        entry->value = change->value;
    }
    change->value = old;
    shard->last_version += 1;
    entry->version = shard->last_version;
    if (!change->keeps_ttl) leave_heap(shard, entry);
    if (is_timed) enter_heap(shard, entry, time + change->ttl);
    return NJ_CHANGE_DONE;
}

static nj_change_result change_once(nj_shared *shared, uint64_t hash, nj_change *change) {
    shard *shard = shard_of(shared, hash);
    entry *dead = NULL;
    int64_t time = now(shared);
    pthread_mutex_lock(&shard->lock);
    nj_change_result result = change_entry(shared, shard, hash, change, time, &dead);
    pthread_mutex_unlock(&shard->lock);
    free_dead(dead);
    return result;
}

// What has expired in any shard makes room.
static void clear_all_expired(nj_shared *shared) {
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        shard *shard = &shared->shards[i];
        entry *dead = NULL;
        int64_t time = now(shared);
        pthread_mutex_lock(&shard->lock);
        clear_expired(shared, shard, time, SIZE_MAX, &dead);
        pthread_mutex_unlock(&shard->lock);
        free_dead(dead);
    }
}

nj_change_result nj_shared_change(nj_shared *shared, nj_change *change) {
    uint64_t hash = nj_siphash(shared->hash_key, change->key, change->key_length);
    nj_change_result result = change_once(shared, hash, change);
    if (result == NJ_CHANGE_FULL) {
        clear_all_expired(shared);
        result = change_once(shared, hash, change);
    }
    nj_blob_release(change->value);
    change->value = NULL;
    return result;
}

// MARK: The whole

size_t nj_shared_capacity(const nj_shared *shared) { return shared->capacity; }

size_t nj_shared_used(const nj_shared *shared) { return atomic_load_explicit(&shared->used, memory_order_relaxed); }

nj_shared *nj_shared_create(size_t capacity) {
    nj_shared *shared = calloc(1, sizeof *shared);
    if (shared == NULL) return NULL;
    shared->capacity = capacity;
    bool has_all = nj_random_read(shared->hash_key, sizeof shared->hash_key);
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        shard *shard = &shared->shards[i];
        pthread_mutex_init(&shard->lock, NULL);
        shard->bucket_count = 8;
        shard->buckets = calloc(shard->bucket_count, sizeof *shard->buckets);
        has_all = has_all && shard->buckets != NULL;
    }
    if (has_all) return shared;
    nj_shared_destroy(shared);
    return NULL;
}

void nj_shared_destroy(nj_shared *shared) {
    for (size_t i = 0; i < SHARD_COUNT; i++) {
        shard *shard = &shared->shards[i];
        for (size_t j = 0; shard->buckets != NULL && j < shard->bucket_count; j++) free_dead(shard->buckets[j]);
        free(shard->buckets);
        free(shard->heap);
        pthread_mutex_destroy(&shard->lock);
    }
    free(shared);
}
