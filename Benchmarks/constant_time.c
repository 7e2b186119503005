//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// Preloaded while instructions are counted. Lua takes the seed of its hashes from the time, and with the seed it changes which
// strings share a slot of a table: between two runs whose difference is the count, that would count too.
#include <time.h>

time_t time(time_t *result) {
    if (result) *result = 1;
    return 1;
}
