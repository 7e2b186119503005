-- Shows who the client is, and which sub-protocol was agreed on.
local client = {}

function client.connect(conn, req)
  local protocols = table.concat(req.protocols, "+")
  conn:send(table.concat({ conn.ip, req.ip, tostring(req.secure), tostring(conn.protocol), protocols }, " "))
end

return client
