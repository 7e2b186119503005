//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

#include "CStockLua.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct run {
    const char *source, *input;
    size_t length, input_length;
} run;

// Leaves the text at the top.
static int run_chunk(lua_State *L) {
    const run *run = lua_touserdata(L, 1);
    luaL_openlibs(L);
    if (luaL_loadbuffer(L, run->source, run->length, "@test.lua") != LUA_OK) return lua_error(L);
    lua_pushlstring(L, run->input, run->input_length);
    lua_call(L, 1, 1);
    luaL_tolstring(L, -1, NULL);
    return 1;
}

static int call(lua_State *L, const run *run) {
    lua_pushcfunction(L, run_chunk);
    lua_pushlightuserdata(L, (void *)(uintptr_t)run);
    return lua_pcall(L, 1, 1, 0);
}

char *nj_stock_run(const void *source, size_t length, const void *input, size_t input_length, size_t *result_length) {
    run run = {source, input == NULL ? "" : input, length, input == NULL ? 0 : input_length};
    lua_State *L = luaL_newstate();
    if (L == NULL) abort();
    call(L, &run);
    size_t count;
    const char *text = lua_tolstring(L, -1, &count);
    if (text == NULL) count = 0;
    char *result = malloc(count + 1);
    if (result == NULL) abort();
    if (count > 0) memcpy(result, text, count);
    *result_length = count;
    lua_close(L);
    return result;
}

void nj_stock_free(char *text) { free(text); }

// MARK: In a process of its own

typedef struct quota {
    size_t used, limit;
} quota;

static void *allocate(void *ud, void *block, size_t old_size, size_t new_size) {
    quota *quota = ud;
    if (block == NULL) old_size = 0;
    if (new_size == 0) {
        free(block);
        quota->used -= old_size;
        return NULL;
    }
    if (new_size > old_size && new_size - old_size > quota->limit - quota->used) return NULL;
    void *moved = realloc(block, new_size);
    if (moved != NULL) quota->used = quota->used - old_size + new_size;
    return moved;
}

static void run_quietly(const run *run, size_t memory) {
    struct rlimit no_core = {0, 0}, some_time = {20, 20};
    setrlimit(RLIMIT_CORE, &no_core);
    setrlimit(RLIMIT_CPU, &some_time);
    int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0) {
        dup2(nowhere, STDOUT_FILENO);
        dup2(nowhere, STDERR_FILENO);
    }
    // The handlers of a sanitizer or of Swift would make an exit of it.
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) signal(signals[i], SIG_DFL);
    quota quota = {.limit = memory};
    lua_State *L = lua_newstate(allocate, &quota);
    if (L != NULL) call(L, run);
    _exit(0);
}

int nj_stock_crash(const void *source, size_t length, size_t memory) {
    run run = {source, "", length, 0};
    pid_t child = fork();
    if (child < 0) return -1;
    if (child == 0) run_quietly(&run, memory);
    int status;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR) return -1;
    }
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}
