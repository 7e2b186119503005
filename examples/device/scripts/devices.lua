-- Readings of devices, each stored once. A device sends a reading until it is acknowledged, so one whose
-- acknowledgement was lost comes again: its id tells. GET /devices/NAME shows what is stored.
local devices = { path = "/devices/:device", limits = { message = "4KiB", rate = 200, flood = "slow" }, on = {} }

local KEPT = 1000 -- Readings of a device that are kept.
local MOST = 1000 -- Devices.
local REMEMBERED = 24 * 3600 -- Seconds for which an id is known: as long as a device may try again.

local stored = {} -- By device: count, sum, repeats and the last readings.
local known = 0

function devices.upgrade(req)
  local device = req.params.device
  if not device:find "^[%w_-]+$" or #device > 64 then return 400, "a device's name has 1 to 64 of A-Z a-z 0-9 _ -" end
  if not stored[device] and known >= MOST then return 503, "there are enough devices" end
  return true
end

function devices.connect(conn)
  local device = conn.params.device
  if stored[device] then return end
  stored[device] = { count = 0, sum = 0, repeats = 0, readings = {} }
  known = known + 1
end

local function store(device, msg)
  device.count = device.count + 1
  device.sum = device.sum + msg.value
  local readings = device.readings
  readings[#readings + 1] = { id = msg.id, at = msg.at, value = msg.value }
  if #readings > KEPT then table.remove(readings, 1) end
end

function devices.on.put(conn, msg)
  local id = msg.id
  if type(id) ~= "string" or #id < 1 or #id > 64 then return conn:close(1008, "put: id must have 1 to 64 bytes") end
  if type(msg.at) ~= "number" or type(msg.value) ~= "number" then
    return conn:close(1008, "put: at and value must be numbers")
  end
  local name = conn.params.device
  -- One call asks and marks: there is no moment in which two could both find the id unknown.
  local added, why = ws.shared.add("seen:" .. name .. ":" .. id, true, { ttl = REMEMBERED })
  if added then
    store(stored[name], msg)
  elseif why == "exists" then
    stored[name].repeats = stored[name].repeats + 1
  else
    -- No room to remember it. Without an acknowledgement the device tries again later.
    return ws.log.warn("%s: reading not stored: %s", name, why)
  end
  conn:send { type = "ack", id = id }
end

function devices.request(req)
  if req.method ~= "GET" and req.method ~= "HEAD" then return 405, "only GET", { allow = "GET, HEAD" } end
  local device = stored[req.params.device]
  if not device then return 404, "no such device" end
  return 200, {
    device = req.params.device,
    count = device.count,
    sum = device.sum,
    repeats = device.repeats,
    readings = ws.json.array { table.unpack(device.readings) },
  }
end

return devices
