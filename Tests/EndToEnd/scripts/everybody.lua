-- What one client says, all the others hear.
local everybody = {}

function everybody.message(conn, data, kind)
  ws.broadcast(data, { kind = kind, except = conn })
end

return everybody
