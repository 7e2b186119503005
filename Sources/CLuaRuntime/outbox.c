//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The outbox: one buffer of records, each a header, the excepted connections, the bytes, the key and the rooms, padded
// to eight. Written by the script's calls, read by the host after the event, and in the middle of it once it holds NJ_OUTBOX_FLUSH.

#include "runtime.h"

#include <string.h>

typedef struct record {
    uint64_t id;
    size_t length;
    // The host's note on a broadcast or a disconnect.
    uint64_t note;
    uint32_t except_count, rooms_length, except_rooms_length;
    int32_t route;
    nj_effect_kind kind;
    uint16_t code, key_length;
    bool is_text, compress, has_rooms;
} record;

#define PADDED(length) (((length) + 7) & ~(size_t)7)

static size_t record_size(const record *head) {
    size_t bytes = head->length + head->key_length + head->rooms_length + head->except_rooms_length;
    return sizeof *head + head->except_count * sizeof(uint64_t) + PADDED(bytes);
}

// Copies bytes behind the record that is written, and answers where the next ones go.
static uint8_t *copy(uint8_t *next, const void *bytes, size_t length) {
    if (length > 0) memcpy(next, bytes, length);
    return next + length;
}

void nj_outbox_reserve(lua_State *L, nj_vm *vm, size_t length, size_t except_count, size_t key_length) {
    nj_outbox *outbox = &vm->outbox;
    if (outbox->records.length - outbox->read + length > NJ_OUTBOX_FLUSH && outbox->records.length > outbox->read) {
        vm->host.apply_effects(vm->host.context);
    }
    size_t size = sizeof(record) + except_count * sizeof(uint64_t) + PADDED(length + key_length);
    if (!nj_bytes_reserve(&outbox->records, size)) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
}

void nj_outbox_append(nj_vm *vm, const nj_effect *effect) {
    nj_bytes *records = &vm->outbox.records;
    const nj_audience *audience = &effect->audience;
    record head = {
        .id = effect->id,
        .length = effect->length,
        .note = audience->note,
        .except_count = (uint32_t)audience->except_count,
        .rooms_length = (uint32_t)audience->rooms_length,
        .except_rooms_length = (uint32_t)audience->except_rooms_length,
        .route = audience->route,
        .kind = effect->kind,
        .code = effect->code,
        .key_length = (uint16_t)effect->key_length,
        .is_text = effect->is_text,
        .compress = effect->compress,
        .has_rooms = audience->has_rooms,
    };
    uint8_t *next = copy(records->start + records->length, &head, sizeof head);
    next = copy(next, audience->except, audience->except_count * sizeof(uint64_t));
    next = copy(next, effect->bytes, effect->length);
    next = copy(next, effect->key, effect->key_length);
    next = copy(next, audience->rooms, audience->rooms_length);
    copy(next, audience->except_rooms, audience->except_rooms_length);
    records->length += record_size(&head);
}

bool nj_vm_has_effects(const nj_vm *vm) { return vm->outbox.records.length > 0; }

const nj_effect *nj_vm_next_effect(nj_vm *vm) {
    nj_outbox *outbox = &vm->outbox;
    if (outbox->read == outbox->records.length) {
        if (outbox->read > 0) nj_bytes_empty(&outbox->records, NJ_OUTBOX_KEPT);
        outbox->read = 0;
        return NULL;
    }
    const uint8_t *next = outbox->records.start + outbox->read;
    const record *head = (const record *)(const void *)next;
    const uint64_t *except = (const uint64_t *)(const void *)(next + sizeof *head);
    const uint8_t *bytes = (const uint8_t *)(except + head->except_count);
    nj_effect *effect = &outbox->next;
    effect->kind = head->kind;
    effect->is_text = head->is_text;
    effect->compress = head->compress;
    effect->code = head->code;
    effect->id = head->id;
    effect->bytes = bytes;
    effect->length = head->length;
    effect->key = bytes + head->length;
    effect->key_length = head->key_length;
    if (head->kind == NJ_EFFECT_BROADCAST || head->kind == NJ_EFFECT_DISCONNECT) {
        const uint8_t *rooms = bytes + head->length + head->key_length;
        effect->audience = (nj_audience){
            .route = head->route,
            .has_rooms = head->has_rooms,
            .rooms = rooms,
            .rooms_length = head->rooms_length,
            .except_rooms = rooms + head->rooms_length,
            .except_rooms_length = head->except_rooms_length,
            .except = except,
            .except_count = head->except_count,
            .note = head->note,
        };
    }
    outbox->read += record_size(head);
    return effect;
}
