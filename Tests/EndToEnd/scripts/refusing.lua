-- Raises before it has seen a message.
local refusing = {}

function refusing.connect(conn)
  error("nobody may come in")
end

return refusing
