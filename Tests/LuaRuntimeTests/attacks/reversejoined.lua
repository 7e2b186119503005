local s = ('x'):rep(1 << 23) s = s .. s .. s for _ = 1, 200 do s:reverse() end
