-- Closes as it is told: "4001 reason", or "" for no code.
local closing = {}

function closing.message(conn, data)
  local code, reason = data:match("^(%d+) ?(.*)$")
  conn:send("closing")
  if code then
    conn:close(tonumber(code), reason)
  else
    conn:close()
  end
  assert(not conn.open)
  assert(conn:send("too late") == nil)
end

return closing
