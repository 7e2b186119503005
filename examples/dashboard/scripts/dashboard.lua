-- A dashboard: another process posts numbers, every page that is open draws them. GET /dashboard is the page.
local page = require "lib.page"

local dashboard = { path = "/dashboard", limits = { message = "64KiB", rate = 10 } }

local EVERY = 0.25 -- Seconds between two deltas.
local KEPT = 240 -- Deltas that a new page is given.
local MOST = 50 -- Different names, so that whoever has the key cannot fill the memory by mistake.

local key = ws.env "DASHBOARD_KEY"
if not key or key == "" then error("set DASHBOARD_KEY, the key that posting takes", 0) end

local values, changed, history = {}, {}, {}
local names = 0

local headers = {
  ["content-type"] = "text/html; charset=utf-8",
  ["cache-control"] = "no-store",
  ["content-security-policy"] = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    .. "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}

-- In constant time: how long a wrong key takes to be refused says nothing about the right one.
local function is_allowed(req)
  local given = (req.headers.authorization or ""):match "^Bearer (.+)$"
  return given ~= nil and ws.crypto.equal(given, key)
end

-- The posted numbers by name, or nil and what is wrong with them. Nothing is taken in before all is checked.
local function read(body)
  local posted, why, byte = ws.json.decode(body)
  if why then return nil, ("no JSON at byte %d: %s"):format(byte, why) end
  if type(posted) ~= "table" then return nil, "the body must be an object of numbers" end
  local new = 0
  for name, value in pairs(posted) do
    if type(name) ~= "string" or #name < 1 or #name > 64 then return nil, "a name has 1 to 64 bytes" end
    if type(value) ~= "number" then return nil, "every value must be a number" end
    if values[name] == nil then new = new + 1 end
  end
  if names + new > MOST then return nil, ("there may be %d names"):format(MOST) end
  names = names + new
  return posted
end

function dashboard.request(req)
  if req.method == "GET" or req.method == "HEAD" then return 200, page, headers end
  if req.method ~= "POST" then return 405, "GET or POST", { allow = "GET, HEAD, POST" } end
  if not is_allowed(req) then return 401, "wrong key", { ["www-authenticate"] = "Bearer" } end
  local posted, why = read(req.body)
  if not posted then return 400, why end
  for name, value in pairs(posted) do
    if values[name] ~= value then
      values[name], changed[name] = value, value
    end
  end
  return 204
end

-- Posts may come much faster than anybody looks: what changed goes out together, four times a second.
local function tell()
  if next(changed) == nil then return end
  local at = ws.now()
  history[#history + 1] = { at = at, values = changed }
  if #history > KEPT then table.remove(history, 1) end
  ws.broadcast { type = "delta", at = at, values = changed }
  changed = {}
end

function dashboard.load()
  ws.every(EVERY, tell)
end

function dashboard.connect(conn)
  conn:send { type = "all", at = ws.now(), values = values, history = ws.json.array { table.unpack(history) }, every = EVERY }
end

return dashboard
