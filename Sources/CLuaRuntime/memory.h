//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// What takes memory: the allocator of a VM and the buffers on it, and bytes that threads share.

#ifndef NJ_MEMORY_H
#define NJ_MEMORY_H

#include "CLuaRuntime.h"

// MARK: allocator.c

typedef struct nj_allocator {
    size_t used, peak, quota, limit;
    // The least that was seen in use since the last collection, which left no more.
    size_t floor;
    // The block that Lua's state is in.
    void *state;
    size_t state_size;
    // Coroutines that are not freed yet, and the size of one.
    size_t threads, thread_size;
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

#endif
