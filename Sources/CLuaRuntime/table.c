//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// table.concat, insert, move, remove and unpack: loops over as many elements as a script likes to name.

#include "library.h"

void nj_check_table(lua_State *L, int index, int needs) {
    static const char *const events[] = {"__index", "__newindex", "__len"};
    if (lua_type(L, index) == LUA_TTABLE) return;
    for (int i = 0; i < 3; i++) {
        if ((needs & 1 << i) == 0) continue;
        // Raises: it is no table.
        if (luaL_getmetafield(L, index, events[i]) == LUA_TNIL) luaL_checktype(L, index, LUA_TTABLE);
        lua_pop(L, 1);
    }
}

static lua_Integer length_of(lua_State *L, int needs) {
    nj_check_table(L, 1, needs | NJ_LENGTH);
    return luaL_len(L, 1);
}

static inline void look(lua_State *L, nj_vm *vm, lua_Integer step) {
    if (step % NJ_STRIDE == 0) nj_watch_look(L, vm);
}

// Moves one element.
static inline void move_one(lua_State *L, int from_table, lua_Integer from, int to_table, lua_Integer to) {
    lua_geti(L, from_table, from);
    lua_seti(L, to_table, to);
}

// MARK: concat

static inline void check_growth(lua_State *L, const luaL_Buffer *result, size_t growth) {
    if (luaL_bufflen(result) + growth <= NJ_LONGEST_STRING) return;
    nj_raise_too_long(L, "table.concat", "join fewer elements, or send it in parts");
}

static inline void append_element(lua_State *L, luaL_Buffer *result, lua_Integer index) {
    lua_geti(L, 1, index);
    if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid value (%s) at index %I in table for 'concat'", luaL_typename(L, -1), (LUAI_UACINT)index);
    }
    luaL_addvalue(result);
    check_growth(L, result, 0);
}

// table.concat(list [, separator [, first [, last]]])
static int concat(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    lua_Integer length = length_of(L, NJ_READ);
    size_t separator_length;
    const char *separator = luaL_optlstring(L, 2, "", &separator_length);
    lua_Integer i = luaL_optinteger(L, 3, 1), last = luaL_optinteger(L, 4, length);
    luaL_Buffer result;
    luaL_buffinit(L, &result);
    for (; i < last; i++) {
        look(L, vm, i);
        append_element(L, &result, i);
        check_growth(L, &result, separator_length);
        luaL_addlstring(&result, separator, separator_length);
    }
    if (i == last) append_element(L, &result, i);
    luaL_pushresult(&result);
    return 1;
}

// MARK: insert, remove, move

// table.insert(list, [position,] value)
static int insert(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    lua_Unsigned end = (lua_Unsigned)length_of(L, NJ_READ | NJ_WRITE) + 1;
    int count = lua_gettop(L);
    lua_Integer position = (lua_Integer)end;
    if (count == 3) {
        position = luaL_checkinteger(L, 2);
        luaL_argcheck(L, (lua_Unsigned)position - 1 < end, 2, "position out of bounds");
        for (lua_Integer i = (lua_Integer)end; i > position; i--) {
            look(L, vm, i);
            move_one(L, 1, i - 1, 1, i);
        }
    } else if (count != 2) {
        return luaL_error(L, "wrong number of arguments to 'insert'");
    }
    lua_seti(L, 1, position);
    return 0;
}

// table.remove(list [, position])
static int take_out(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    lua_Integer length = length_of(L, NJ_READ | NJ_WRITE), position = luaL_optinteger(L, 2, length);
    if (position != length) {
        // Lua's own calls it the first.
        luaL_argcheck(L, (lua_Unsigned)position - 1 <= (lua_Unsigned)length, 1, "position out of bounds");
    }
    lua_geti(L, 1, position);
    for (; position < length; position++) {
        look(L, vm, position);
        move_one(L, 1, position + 1, 1, position);
    }
    lua_pushnil(L);
    lua_seti(L, 1, position);
    return 1;
}

// table.move(from, first, last, position [, to])
static int move(lua_State *L) {
    nj_vm *vm = nj_vm_of(L);
    lua_Integer first = luaL_checkinteger(L, 2), last = luaL_checkinteger(L, 3), position = luaL_checkinteger(L, 4);
    int to = lua_isnoneornil(L, 5) ? 1 : 5;
    nj_check_table(L, 1, NJ_READ);
    nj_check_table(L, to, NJ_WRITE);
    if (last >= first) {
        luaL_argcheck(L, first > 0 || last < LUA_MAXINTEGER + first, 3, "too many elements to move");
        lua_Integer count = last - first + 1;
        luaL_argcheck(L, position <= LUA_MAXINTEGER - count + 1, 4, "destination wrap around");
        // Forwards, unless that would overwrite what is still to be moved.
        bool goes_back = position <= last && position > first && (to == 1 || lua_compare(L, 1, to, LUA_OPEQ));
        for (lua_Integer i = 0; i < count; i++) {
            lua_Integer offset = goes_back ? count - 1 - i : i;
            look(L, vm, i);
            move_one(L, 1, first + offset, to, position + offset);
        }
    }
    lua_pushvalue(L, to);
    return 1;
}

// MARK: unpack

// table.unpack(list [, first [, last]])
static int unpack(lua_State *L) {
    lua_Integer first = luaL_optinteger(L, 2, 1);
    lua_Integer last = lua_isnoneornil(L, 3) ? luaL_len(L, 1) : luaL_checkinteger(L, 3);
    if (first > last) return 0;
    lua_Unsigned span = (lua_Unsigned)last - (lua_Unsigned)first;
    nj_check_values(L, "table.unpack", span < NJ_MOST_VALUES ? span + 1 : NJ_MOST_VALUES + 1);
    int count = (int)span + 1;
    luaL_checkstack(L, count, "too many results to unpack");
    for (int i = 0; i < count; i++) lua_geti(L, 1, (lua_Integer)((lua_Unsigned)first + (lua_Unsigned)i));
    return count;
}

void nj_table_open(lua_State *L) {
    static const luaL_Reg functions[] = {
        {"concat", concat}, {"insert", insert}, {"move", move}, {"remove", take_out}, {"unpack", unpack}, {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
}
