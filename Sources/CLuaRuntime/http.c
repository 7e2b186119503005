//
// This source file is part of the Nightjar project
//
// Copyright (c) 2026 the Nightjar project authors
// SPDX-License-Identifier: Apache-2.0
//

// The handlers `upgrade` and `request`: each is called with req, and what it returns becomes one effect, the answer to the
// HTTP request that the host knows by its token. All of it is checked before anything of it counts.

#include "runtime.h"

#include <stdio.h>
#include <string.h>

// Where the results of the handler begin, of which three count; below them is the token.
#define FIRST 2
#define LAST 4

static const char *name_of(nj_event_kind kind) { return kind == NJ_EVENT_UPGRADE ? "upgrade" : "request"; }

// MARK: Header fields

// The fields of an answer, gathered as lines in the VM's answer buffer.
typedef struct fields {
    nj_event_kind kind;
    bool has_content_type, has_content_type_options;
} fields;

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

static bool equal_ignoring_case(const char *name, size_t length, const char *word) {
    if (length != strlen(word)) return false;
    for (size_t i = 0; i < length; i++) {
        if (lower(name[i]) != word[i]) return false;
    }
    return true;
}

// RFC 9110, section 5.6.2.
static bool is_token(const char *name, size_t length) {
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        bool is_word = (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
        if (!is_word && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) return false;
    }
    return length > 0;
}

// RFC 9110, section 5.5: no control character but the tab, so no end of a line.
static bool is_field_value(const char *value, size_t length) {
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)value[i];
        if ((c < ' ' && c != '\t') || c == 0x7F) return false;
    }
    return true;
}

// What the server says itself of the connection, the body's length and the handshake (RFC 9110, section 7.6.1).
static bool belongs_to_server(const char *name, size_t length) {
    static const char *const names[] = {
        "connection", "content-length", "date", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (equal_ignoring_case(name, length, names[i])) return true;
    }
    return length >= 14 && equal_ignoring_case(name, 14, "sec-websocket-");
}

static void append_line(nj_vm *vm, const char *name, size_t name_length, const char *value, size_t value_length) {
    nj_bytes *bytes = &vm->answer.bytes;
    nj_bytes_append(bytes, name, name_length);
    nj_bytes_append(bytes, ": ", 2);
    nj_bytes_append(bytes, value, value_length);
    nj_bytes_append(bytes, "\r\n", 2);
}

static void append_text(nj_vm *vm, const char *name, const char *value) {
    append_line(vm, name, strlen(name), value, strlen(value));
}

// Adds a line with the value at the top.
static void add_value(lua_State *L, nj_vm *vm, const fields *fields, const char *name, size_t name_length) {
    char quoted[NJ_QUOTED_CAPACITY];
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER) {
        nj_raise(L, NJ_RUNTIME, "%s: the header \"%s\" must be a string, a number or a list of these, not a %s",
               name_of(fields->kind), nj_names_quote(name, name_length, quoted), luaL_typename(L, -1));
    }
    size_t length;
    // In place: the value at the top is no key.
    const char *value = lua_tolstring(L, -1, &length);
    if (!is_field_value(value, length)) {
        nj_raise(L, NJ_RUNTIME, "%s: the value of the header \"%s\" has a line end or another control character",
               name_of(fields->kind), nj_names_quote(name, name_length, quoted));
    }
    append_line(vm, name, name_length, value, length);
    if (vm->answer.bytes.length > NJ_LONGEST_FIELDS) {
        nj_raise(L, NJ_RUNTIME, "%s: the headers have more than %d bytes", name_of(fields->kind), NJ_LONGEST_FIELDS);
    }
}

static void add_field(lua_State *L, nj_vm *vm, fields *fields) {
    char quoted[NJ_QUOTED_CAPACITY];
    if (lua_type(L, -2) != LUA_TSTRING) {
        nj_raise(L, NJ_RUNTIME, "%s: the names of headers must be strings, not a %s", name_of(fields->kind),
               luaL_typename(L, -2));
    }
    size_t length;
    const char *name = lua_tolstring(L, -2, &length);
    if (!is_token(name, length)) {
        nj_raise(L, NJ_RUNTIME, "%s: \"%s\" is no name of a header", name_of(fields->kind),
               nj_names_quote(name, length, quoted));
    }
    if (belongs_to_server(name, length)) {
        nj_raise(L, NJ_RUNTIME, "%s: the server sets the header \"%s\" itself", name_of(fields->kind),
               nj_names_quote(name, length, quoted));
    }
    fields->has_content_type |= equal_ignoring_case(name, length, "content-type");
    fields->has_content_type_options |= equal_ignoring_case(name, length, "x-content-type-options");
    if (lua_type(L, -1) != LUA_TTABLE) {
        add_value(L, vm, fields, name, length);
        return;
    }
    lua_Unsigned count = lua_rawlen(L, -1);
    for (lua_Unsigned i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i);
        add_value(L, vm, fields, name, length);
        lua_pop(L, 1);
    }
}

// Gathers the fields of the table at `index`, if there is one. Uses 4 slots.
static fields read_fields(lua_State *L, nj_vm *vm, nj_event_kind kind, int index) {
    fields fields = {.kind = kind};
    nj_bytes_empty(&vm->answer.bytes, NJ_OUTBOX_KEPT);
    if (lua_isnil(L, index)) return fields;
    if (!lua_istable(L, index)) {
        nj_raise(L, NJ_RUNTIME, "%s: the headers must be a table, not a %s", name_of(kind), luaL_typename(L, index));
    }
    lua_pushnil(L);
    while (lua_next(L, index)) {
        add_field(L, vm, &fields);
        lua_pop(L, 1);
    }
    return fields;
}

static void check_fields(lua_State *L, const nj_vm *vm) {
    if (vm->answer.bytes.failed) nj_raise(L, NJ_MEMORY, NJ_OUT_OF_MEMORY);
}

// MARK: A response

static bool has_no_content(lua_Integer status) { return status == 204 || status == 205 || status == 304; }

// Appends the answer with this status, and the body and headers that are at `index` and behind it.
static int respond(lua_State *L, nj_vm *vm, nj_event_kind kind, lua_Integer status, int index) {
    nj_effect effect = {.kind = NJ_EFFECT_RESPONSE, .code = (uint16_t)status, .id = (uint64_t)lua_tointeger(L, 1)};
    const char *type = "text/plain; charset=utf-8";
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        break;
    case LUA_TSTRING:
        effect.bytes = lua_tolstring(L, index, &effect.length);
        break;
    case LUA_TTABLE: {
        // It stays in the VM's scratch until it is appended.
        const nj_bytes *text = nj_json_write(L, vm, index, name_of(kind));
        effect.bytes = text->start;
        effect.length = text->length;
        type = "application/json";
        break;
    }
    default:
        return nj_raise(L, NJ_RUNTIME, "%s: the body must be a string or a table, not a %s", name_of(kind),
                      nj_kind_of(L, index));
    }
    if (effect.length > 0 && has_no_content(status)) {
        return nj_raise(L, NJ_RUNTIME, "%s: an answer with the status %d has no body", name_of(kind), (int)status);
    }
    if (effect.length > vm->limits.response) {
        return nj_raise(L, NJ_RUNTIME, "%s: the body has %zu bytes, and limits.buffered is %zu", name_of(kind),
                        effect.length, vm->limits.response);
    }
    fields fields = read_fields(L, vm, kind, index + 1);
    if (!fields.has_content_type && effect.length > 0) append_text(vm, "Content-Type", type);
    if (!fields.has_content_type_options) append_text(vm, "X-Content-Type-Options", "nosniff");
    check_fields(L, vm);
    effect.key_length = vm->answer.bytes.length;
    nj_outbox_reserve(L, vm, effect.length, 0, effect.key_length);
    effect.key = vm->answer.bytes.start;
    nj_outbox_append(vm, &effect);
    return 0;
}

// The integer at `index`, or -1.
static lua_Integer status_at(lua_State *L, int index) {
    int is_integer;
    lua_Integer status = lua_type(L, index) == LUA_TNUMBER ? lua_tointegerx(L, index, &is_integer) : -1;
    return status >= 0 ? status : -1;
}

// MARK: upgrade

// What the options { protocol =, headers = } name. Leaves their values on the stack, whose top is then the index of the
// headers.
static const char *read_options(lua_State *L, nj_vm *vm, uint64_t token, size_t *length) {
    static const nj_name names[] = {{"protocol", NJ_KNOWN}, {"headers", NJ_KNOWN}, {NULL, NJ_KNOWN}};
    char quoted[NJ_QUOTED_CAPACITY];
    *length = 0;
    if (lua_isnil(L, FIRST + 1)) {
        lua_pushnil(L);
        return "";
    }
    if (!lua_istable(L, FIRST + 1)) {
        nj_raise(L, NJ_RUNTIME, "upgrade: the second result must be a table such as { protocol = \"chat\" }, not a %s",
               luaL_typename(L, FIRST + 1));
    }
    lua_pushnil(L);
    while (nj_options_next(L, FIRST + 1, "upgrade", names) != NULL) lua_pop(L, 1);
    lua_pushliteral(L, "protocol");
    lua_rawget(L, FIRST + 1);
    const char *protocol = "";
    if (!lua_isnil(L, -1)) {
        if (lua_type(L, -1) != LUA_TSTRING) {
            nj_raise(L, NJ_RUNTIME, "upgrade: protocol must be a string, not a %s", luaL_typename(L, -1));
        }
        protocol = lua_tolstring(L, -1, length);
        switch (vm->host.judge_protocol(vm->host.context, token, protocol, *length)) {
        case NJ_PROTOCOL_FINE:
            break;
        case NJ_PROTOCOL_NOT_OFFERED:
            nj_raise(L, NJ_RUNTIME, "upgrade: the client did not offer the protocol \"%s\"",
                   nj_names_quote(protocol, *length, quoted));
            break;
        case NJ_PROTOCOL_NOT_LISTED:
            nj_raise(L, NJ_RUNTIME, "upgrade: the protocol \"%s\" is not among this route's protocols",
                   nj_names_quote(protocol, *length, quoted));
            break;
        }
    }
    lua_pushliteral(L, "headers");
    lua_rawget(L, FIRST + 1);
    return protocol;
}

// Accepts; the state waits under the token until the connection takes it, or the host abandons it.
static int accept(lua_State *L, nj_vm *vm) {
    uint64_t token = (uint64_t)lua_tointeger(L, 1);
    nj_effect effect = {.kind = NJ_EFFECT_ACCEPT, .id = token};
    effect.bytes = read_options(L, vm, token, &effect.length);
    read_fields(L, vm, NJ_EVENT_UPGRADE, lua_gettop(L));
    check_fields(L, vm);
    effect.key_length = vm->answer.bytes.length;
    nj_outbox_reserve(L, vm, effect.length, 0, effect.key_length);
    if (lua_istable(L, FIRST)) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, vm->upgrades_ref);
        lua_pushvalue(L, FIRST);
        lua_rawseti(L, -2, (lua_Integer)token);
    }
    effect.key = vm->answer.bytes.start;
    nj_outbox_append(vm, &effect);
    return 0;
}

// Nothing must not let anybody in; and it is a mistake, since there is false.
static void warn_of_nothing(lua_State *L, nj_vm *vm) {
    char text[sizeof vm->script + 128], source[sizeof vm->script + 16];
    lua_Debug function;
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->handler_refs[NJ_EVENT_UPGRADE]);
    lua_getinfo(L, ">S", &function);
    snprintf(source, sizeof source, "%s:%d", function.short_src, function.linedefined);
    int length = snprintf(text, sizeof text,
                          "the upgrade handler of %s returned nothing: return true or a table to accept", vm->script);
    vm->host.log(vm->host.context, NJ_WARNING, text, (size_t)length, NULL, source);
}

static int upgrade_returned(lua_State *L, int status, lua_KContext context) {
    (void)status, (void)context;
    nj_vm *vm = nj_vm_of(L);
    const nj_event_kind kind = NJ_EVENT_UPGRADE;
    vm->results_ref = vm->handler_refs[kind];
    lua_settop(L, LAST);
    switch (lua_type(L, FIRST)) {
    case LUA_TTABLE:
        return accept(L, vm);
    case LUA_TBOOLEAN:
        return lua_toboolean(L, FIRST) ? accept(L, vm) : respond(L, vm, kind, 403, FIRST + 1);
    case LUA_TNIL:
        warn_of_nothing(L, vm);
        lua_settop(L, FIRST);
        lua_settop(L, LAST);
        return respond(L, vm, kind, 403, FIRST + 1);
    case LUA_TNUMBER: {
        lua_Integer code = status_at(L, FIRST);
        if (code >= 300 && code <= 599) return respond(L, vm, kind, code, FIRST + 1);
        return nj_raise(L, NJ_RUNTIME, "upgrade: %s is no status to refuse with: 300 to 599", lua_tostring(L, FIRST));
    }
    default:
        return nj_raise(L, NJ_RUNTIME,
                        "upgrade returned a %s: return true or a table to accept, false or a status to refuse",
                        luaL_typename(L, FIRST));
    }
}

// MARK: request

static int request_returned(lua_State *L, int status, lua_KContext context) {
    (void)status, (void)context;
    nj_vm *vm = nj_vm_of(L);
    const nj_event_kind kind = NJ_EVENT_REQUEST;
    vm->results_ref = vm->handler_refs[kind];
    lua_settop(L, LAST);
    lua_Integer code = status_at(L, FIRST);
    if (code >= 200 && code <= 599) return respond(L, vm, kind, code, FIRST + 1);
    switch (lua_type(L, FIRST)) {
    case LUA_TNIL:
        return nj_raise(L, NJ_RUNTIME, "request returned nothing: return a status, such as 200, and a body");
    case LUA_TNUMBER:
        return nj_raise(L, NJ_RUNTIME, "request: %s is no status to answer with: 200 to 599", lua_tostring(L, FIRST));
    default:
        return nj_raise(L, NJ_RUNTIME, "request returned a %s first: return a status, such as 200, and then the body",
                      luaL_typename(L, FIRST));
    }
}

// MARK: The calls

// Arguments: the token, the handler, the request.
static int run_upgrade(lua_State *L) {
    lua_callk(L, 1, LUA_MULTRET, 0, upgrade_returned);
    return upgrade_returned(L, LUA_OK, 0);
}

static int run_request(lua_State *L) {
    lua_callk(L, 1, LUA_MULTRET, 0, request_returned);
    return request_returned(L, LUA_OK, 0);
}

int nj_http_push(lua_State *L, nj_vm *vm, const nj_event *event) {
    lua_pushcfunction(L, event->kind == NJ_EVENT_UPGRADE ? run_upgrade : run_request);
    lua_pushinteger(L, (lua_Integer)event->token);
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->handler_refs[event->kind]);
    nj_request_push_pending(L, vm, event);
    return 3;
}

// MARK: The state that waits

void nj_http_take_state(lua_State *L, nj_vm *vm, uint64_t token, int connection) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->upgrades_ref);
    if (lua_rawgeti(L, -1, (lua_Integer)token) == LUA_TNIL) {
        lua_pop(L, 2);
        return;
    }
    lua_setiuservalue(L, connection, NJ_CONNECTION_STATE);
    lua_pushnil(L);
    lua_rawseti(L, -2, (lua_Integer)token);
    lua_pop(L, 1);
}

void nj_vm_abandon_upgrade(nj_vm *vm, uint64_t token) {
    if (vm->main == NULL) return;
    lua_rawgeti(vm->main, LUA_REGISTRYINDEX, vm->upgrades_ref);
    lua_pushnil(vm->main);
    lua_rawseti(vm->main, -2, (lua_Integer)token);
    lua_pop(vm->main, 1);
}

void nj_http_open(lua_State *L) {
    lua_newtable(L);
    nj_vm_of(L)->upgrades_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}
