local function nest(d) if d > 0 then for _ = 1, 3 do coroutine.wrap(nest)(d - 1) end end end nest(12)
