--
-- This source file is part of the Nightjar project
--
-- Copyright (c) 2026 the Nightjar project authors
-- SPDX-License-Identifier: Apache-2.0
--

-- Each connection is alone in a room, which it talks to, and in as many others as its path says.
local rooms = { path = "/rooms/:more", limits = { rooms = 1200 } }

function rooms.connect(conn)
  conn:join("of " .. conn.id)
  for number = 1, tonumber(conn.params.more) do conn:join(conn.id .. " " .. number) end
end

function rooms.message(conn, data)
  ws.room("of " .. conn.id):broadcast(data)
end

return rooms
