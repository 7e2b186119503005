-- Readings of devices, each stored once. A device sends a reading until it is acknowledged, so one whose
-- acknowledgement was lost comes again: its id tells. GET /devices/NAME shows what is stored.
local devices = { path = "/devices/:device", limits = { message = "4KiB", rate = 200, flood = "slow" }, on = {} }

-- Together at most 90,000 readings of about 260 bytes: they fit into the 64 MiB of limits.memory.
local KEPT = 300 -- Readings of a device that are kept.
local MOST = 300 -- Devices.
local LARGEST = 1e15 -- A larger value is no measurement, and sums of such would not be finite.
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
  stored[device] = { count = 0, sum = 0.0, repeats = 0, readings = {} }
  known = known + 1
end

local function store(device, msg)
  -- What may fail, for want of memory, comes first: a reading is stored as a whole or not at all.
  local readings = device.readings
  readings[#readings + 1] = { id = msg.id, at = msg.at, value = msg.value }
  device.count = device.count + 1
  device.sum = device.sum + msg.value
  if #readings > KEPT then table.remove(readings, 1) end
end

function devices.on.put(conn, msg)
  local id = msg.id
  if type(id) ~= "string" or #id < 1 or #id > 64 then return conn:close(1008, "put: id must have 1 to 64 bytes") end
  if type(msg.at) ~= "number" or type(msg.value) ~= "number" then
    return conn:close(1008, "put: at and value must be numbers")
  end
  if msg.value < -LARGEST or msg.value > LARGEST then return conn:close(1008, "put: value must be within 1e15") end
  local name = conn.params.device
  local seen = "seen:" .. name .. ":" .. id
  -- The mark is false until the reading is stored. If that fails, nothing is acknowledged, and the next try stores it.
  local added, why = ws.shared.add(seen, false, { ttl = REMEMBERED })
  if not added and why ~= "exists" then
    -- No room to remember it. Without an acknowledgement the device tries again later.
    return ws.log.warn("%s: reading not stored: %s", name, why)
  end
  if added or ws.shared.get(seen) == false then
    store(stored[name], msg)
    ws.shared.set(seen, true, { ttl = REMEMBERED })
  else
    stored[name].repeats = stored[name].repeats + 1
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
