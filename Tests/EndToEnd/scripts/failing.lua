-- Raises on the message "fail", and goes on answering all others.
local failing = {}

local function deeper()
  error("out of patience")
end

function failing.message(conn, data)
  if data == "fail" then
    deeper()
  end
  conn:send("still here: " .. data)
end

return failing
