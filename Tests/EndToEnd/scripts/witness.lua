-- Tells all others how a connection ended.
local witness = {}

function witness.close(conn, code, reason, clean)
  ws.broadcast(("%d %s %s"):format(code, clean and "clean" or "unclean", reason), { except = conn })
end

return witness
