-- Sends 32 messages of 16 KiB for each one, all made of its first byte: 512 KiB, half of what may be queued.
local flood = {}

function flood.message(conn, data)
  local block = data:sub(1, 1):rep(16 * 1024)
  for _ = 1, 32 do
    conn:send(block, "binary")
  end
end

return flood
