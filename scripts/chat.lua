-- A chat: what one client says, all the others hear.
local chat = {}

function chat.message(conn, data, kind)
  ws.broadcast(data, { kind = kind, except = conn })
end

return chat
