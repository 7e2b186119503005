local chat = { path = "/chat/:room", limits = { message = "16KiB", rate = 20 } }

function chat.upgrade(req)
  local name = req.query.name
  if not name or #name == 0 or #name > 32 then return 400, "say who you are: ?name=" end
  return { name = name }
end

function chat.connect(conn)
  local room = conn:join(conn.params.room)
  room:broadcast({ type = "joined", name = conn.state.name, here = room.count }, { except = conn })
  conn:send { type = "welcome", id = conn.id, here = room.count }
end

chat.on = {}

function chat.on.say(conn, msg)
  ws.room(conn.params.room):broadcast { type = "said", name = conn.state.name, text = tostring(msg.text) }
end

function chat.close(conn)
  ws.room(conn.params.room):broadcast { type = "left", name = conn.state.name }
end

return chat
