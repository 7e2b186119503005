-- Lets in who has a name, and answers plain requests.
local door = {}

-- What has happened to those of a name.
local counts = {}

local function count(name, what)
  local of = counts[name] or { upgrades = 0, connects = 0, closes = 0 }
  counts[name] = of
  of[what] = of[what] + 1
end

function door.upgrade(req)
  local query = req.query
  count(query.name or "", "upgrades")
  if query.sleep then ws.sleep(tonumber(query.sleep)) end
  if query.fail then error("the door fell shut") end
  if query.nothing then return end
  if query.status then return tonumber(query.status), query.body, { ["X-Why"] = query.why or "none" } end
  if not query.name then return false end
  local options = { headers = { ["Set-Cookie"] = { "a=1", "b=2" } } }
  if query.protocol then options.protocol = query.protocol end
  return { name = query.name }, options
end

function door.connect(conn, req)
  count(conn.state.name, "connects")
  conn:send { name = conn.state.name, protocol = conn.protocol, query = req.query.name, cookie = req.cookies.c }
end

function door.message(conn, data, kind)
  conn:send(data, kind)
end

function door.close(conn)
  count(conn.state.name, "closes")
end

function door.request(req)
  local query = req.query
  if query.sleep then ws.sleep(tonumber(query.sleep)) end
  if query.fail then error("no answer") end
  if query.nothing then return end
  if query.counts then return 200, counts[query.counts] or {} end
  if query.bytes then return 200, ("x"):rep(tonumber(query.bytes)) end
  if query.status then return tonumber(query.status), query.body, { ["X-Why"] = query.why } end
  if query.broadcast then return 200, { reached = ws.broadcast(req.body) } end
  return 200, { method = req.method, length = #req.body, body = #req.body < 100 and req.body or nil, target = req.target,
    key = req.headers["X-Key"] }
end

return door
