//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The outbox: one buffer of records, each a header, the excepted connections, the bytes and the key, padded to
// eight. Written by the script's calls, read by the host after the event, and in the middle of it once it holds NJ_OUTBOX_FLUSH.

#include "runtime.h"

#include <string.h>

typedef struct record {
    uint64_t id;
    size_t length;
    uint32_t except_count;
    nj_effect_kind kind;
    uint16_t code, key_length;
    bool is_text, compress;
} record;

#define PADDED(length) (((length) + 7) & ~(size_t)7)

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
    record head = {
        .id = effect->id,
        .length = effect->length,
        .except_count = (uint32_t)effect->except_count,
        .kind = effect->kind,
        .code = effect->code,
        .key_length = (uint16_t)effect->key_length,
        .is_text = effect->is_text,
        .compress = effect->compress,
    };
    uint8_t *next = records->start + records->length;
    memcpy(next, &head, sizeof head);
    next += sizeof head;
    if (effect->except_count > 0) memcpy(next, effect->except, effect->except_count * sizeof(uint64_t));
    next += effect->except_count * sizeof(uint64_t);
    if (effect->length > 0) memcpy(next, effect->bytes, effect->length);
    next += effect->length;
    if (effect->key_length > 0) memcpy(next, effect->key, effect->key_length);
    records->length +=
        sizeof head + effect->except_count * sizeof(uint64_t) + PADDED(effect->length + effect->key_length);
}

bool nj_vm_next_effect(nj_vm *vm, nj_effect *effect) {
    nj_outbox *outbox = &vm->outbox;
    if (outbox->read == outbox->records.length) {
        if (outbox->read > 0) nj_bytes_empty(&outbox->records, NJ_OUTBOX_KEPT);
        outbox->read = 0;
        return false;
    }
    const uint8_t *next = outbox->records.start + outbox->read;
    const record *head = (const record *)(const void *)next;
    const uint64_t *except = (const uint64_t *)(const void *)(next + sizeof *head);
    const uint8_t *bytes = (const uint8_t *)(except + head->except_count);
    *effect = (nj_effect){
        .kind = head->kind,
        .is_text = head->is_text,
        .compress = head->compress,
        .code = head->code,
        .id = head->id,
        .bytes = bytes,
        .length = head->length,
        .key = bytes + head->length,
        .key_length = head->key_length,
        .except = except,
        .except_count = head->except_count,
    };
    outbox->read += sizeof *head + head->except_count * sizeof(uint64_t) + PADDED(head->length + head->key_length);
    return true;
}
