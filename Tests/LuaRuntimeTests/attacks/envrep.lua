local env = { string = {} } env.s = 'x' return env.s:rep(1 << 40)
