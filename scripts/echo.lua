local echo = {}

function echo.message(conn, data, kind)
  conn:send(data, kind)
end

return echo
