-- Everybody's cursor on everybody's screen: binary messages, 60 times a second. GET /cursors is the page.
local page = require "lib.page"

local cursors = { path = "/cursors", limits = { message = 16, rate = 120, flood = "slow" } }

-- The first byte of a message says what it is.
local MOVE, WELCOME, FRAME, GONE = 1, 1, 2, 3

local tick = 0
local moved = {} -- The connections whose cursor moved since the last tick.
local taken = {} -- Connections by their number, which goes into two bytes.

local headers = {
  ["content-type"] = "text/html; charset=utf-8",
  ["cache-control"] = "no-store",
  ["content-security-policy"] = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    .. "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}

local function free_number()
  local number = 1
  while taken[number] do number = number + 1 end
  return number <= 65535 and number or nil
end

-- The places of these connections' cursors: a head, then six bytes for each.
local function frame(conns)
  local places = {}
  for conn in pairs(conns) do
    local state = conn.state
    places[#places + 1] = string.pack("<I2I2I2", state.number, state.x, state.y)
  end
  return string.pack("<BI4I2", FRAME, tick, #places) .. table.concat(places)
end

local function step()
  tick = (tick + 1) & 0xFFFFFFFF
  if next(moved) == nil then return end
  ws.broadcast(frame(moved), { kind = "binary", compress = false })
  moved = {}
end

function cursors.load()
  ws.every(1 / 60, step)
end

function cursors.request(req)
  if req.method ~= "GET" and req.method ~= "HEAD" then return 405, "only GET", { allow = "GET, HEAD" } end
  return 200, page, headers
end

function cursors.connect(conn)
  local number = free_number()
  if not number then return conn:close(1013, "there are 65535 cursors already") end
  taken[number] = conn
  conn.state.number = number
  conn:send(string.pack("<BI2", WELCOME, number), "binary")
  local all = {}
  for _, other in pairs(taken) do
    if other.state.x then all[other] = true end
  end
  conn:send(frame(all), "binary")
end

function cursors.message(conn, data, kind)
  if kind ~= "binary" or #data ~= 5 or data:byte() ~= MOVE then
    return conn:close(1003, "five bytes: 1, x, y")
  end
  local _, x, y = string.unpack("<BI2I2", data)
  conn.state.x, conn.state.y = x, y
  moved[conn] = true
end

function cursors.close(conn)
  local number = conn.state.number
  if not number then return end
  taken[number], moved[conn] = nil, nil
  ws.broadcast(string.pack("<BI2", GONE, number), "binary")
end

return cursors
