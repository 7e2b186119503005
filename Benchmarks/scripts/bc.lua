--
-- This source file is part of the Nightjar project
--
-- Copyright (c) 2026 the Nightjar project authors
-- SPDX-License-Identifier: Apache-2.0
--

-- Everybody in a room hears what one of them says.
local bc = { path = "/bc/:room" }

function bc.connect(conn)
  conn:join(conn.params.room)
end

function bc.message(conn, data, kind)
  ws.room(conn.params.room):broadcast(data, kind)
end

return bc
