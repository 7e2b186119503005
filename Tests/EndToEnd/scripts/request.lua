-- Shows the request that opened the connection.
local request = {}

function request.connect(conn, req)
  conn:send(table.concat({ req.method, req.path, req.query.name, req.headers["x-test"], req.ip }, " "))
end

return request
