//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Counts what the calling thread takes from the heap, by standing in front of the C library's malloc.

#ifndef NJ_ALLOCATION_COUNTER_H
#define NJ_ALLOCATION_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

/// How many blocks the calling thread has asked for, or grown, since it started.
uint64_t nj_allocations(void);

/// False where something else stands in front of malloc (a sanitizer), or where the C library has no second entrance.
bool nj_allocations_are_counted(void);

#endif
