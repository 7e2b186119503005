-- A chat with rooms: names, who is here, who is typing. The address of a room is its page as well: /chat/lobby.
local page = require "lib.page"

local chat = { path = "/chat/:room", limits = { message = "16KiB", rate = 20 }, on = {} }

local KEPT = 20
local recent = {} -- By room: what was said there last, oldest first. A room that is empty forgets it.

local headers = {
  ["content-type"] = "text/html; charset=utf-8",
  ["cache-control"] = "no-store",
  ["content-security-policy"] = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    .. "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}

-- Whether this is text of 1 to `longest` characters.
local function is_text(text, longest)
  if type(text) ~= "string" or text == "" then return false end
  local length = utf8.len(text)
  return length ~= nil and length <= longest
end

function chat.request(req)
  if req.method ~= "GET" and req.method ~= "HEAD" then return 405, "only GET", { allow = "GET, HEAD" } end
  return 200, page, headers
end

function chat.upgrade(req)
  local name = req.query.name
  if not is_text(name, 32) or name:find "%c" or not name:find "%S" then
    return 400, "say who you are: ?name= with 1 to 32 characters"
  end
  -- The name of a room may have no more.
  if #req.params.room > 256 then return 400, "a room's name has at most 256 bytes" end
  return { name = name, typing = false }
end

local function people(room)
  local list = {}
  for conn in room:conns() do
    list[#list + 1] = { id = conn.id, name = conn.state.name, typing = conn.state.typing }
  end
  table.sort(list, function(a, b)
    if a.name ~= b.name then return a.name < b.name end
    return a.id < b.id
  end)
  return list
end

function chat.connect(conn)
  local room = conn:join(conn.params.room)
  room:broadcast({ type = "joined", id = conn.id, name = conn.state.name }, { except = conn })
  conn:send {
    type = "welcome",
    id = conn.id,
    name = conn.state.name,
    room = room.name,
    here = people(room),
    recent = ws.json.array { table.unpack(recent[room.name] or {}) },
  }
end

function chat.on.say(conn, msg)
  if not is_text(msg.text, 1000) then
    return conn:send { type = "error", why = "say: text must have 1 to 1000 characters" }
  end
  local name = conn.params.room
  local said = { type = "said", id = conn.id, name = conn.state.name, text = msg.text, at = ws.now() }
  local list = recent[name] or {}
  recent[name] = list
  list[#list + 1] = said
  if #list > KEPT then table.remove(list, 1) end
  conn.state.typing = false
  ws.room(name):broadcast(said)
end

function chat.on.typing(conn, msg)
  local on = msg.on == true
  if conn.state.typing == on then return end
  conn.state.typing = on
  ws.room(conn.params.room):broadcast({ type = "typing", id = conn.id, on = on }, { except = conn })
end

function chat.invalid(conn, data, why)
  conn:send { type = "error", why = why == "json" and "this is no JSON" or "this type is not known" }
end

function chat.close(conn)
  local room = ws.room(conn.params.room)
  room:broadcast { type = "left", id = conn.id, name = conn.state.name }
  if room.count == 0 then recent[room.name] = nil end
end

return chat
