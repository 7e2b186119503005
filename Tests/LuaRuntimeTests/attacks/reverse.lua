local s = ('x'):rep(1 << 23) for _ = 1, 200 do s:reverse() end
