//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The system's Lua as it is, for tests that hold ours against it.

#ifndef NJ_CSTOCKLUA_H
#define NJ_CSTOCKLUA_H

#include <stddef.h>

/// The text that a chunk called test.lua returns, or the error that it raises, in a state of its own with all libraries.
/// The chunk's argument is `input`. To be freed with nj_stock_free.
char *_Nonnull nj_stock_run(const void *_Nonnull source, size_t length, const void *_Nullable input,
                            size_t input_length, size_t *_Nonnull result_length);
void nj_stock_free(char *_Nonnull text);

/// Runs a chunk in a process of its own, in which Lua may use this many bytes of memory: 0 when it came to its end, by an
/// error or without, otherwise the signal that ended it. -1 when there was no process.
int nj_stock_crash(const void *_Nonnull source, size_t length, size_t memory);

#endif
