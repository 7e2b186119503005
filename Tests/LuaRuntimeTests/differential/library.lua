-- What ours has in the place of Lua's own functions, as Lua has it: cases by hand, then tables and texts by a seeded
-- generator.

local seed, count = ...

local function show(...)
    local parts = {}
    for i = 1, select("#", ...) do
        local value = select(i, ...)
        local kind = type(value)
        if kind == "table" then
            local keys = {}
            for key in pairs(value) do keys[#keys + 1] = key end
            table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
            local inner = {}
            for k, key in ipairs(keys) do inner[k] = tostring(key) .. "=" .. tostring(value[key]) end
            parts[i] = "{" .. table.concat(inner, ",") .. "}"
        elseif kind == "string" then
            parts[i] = #value > 200 and #value .. " bytes " .. value:sub(1, 9) .. value:sub(-9) or ("%q"):format(value)
        else
            parts[i] = kind == "function" and kind or tostring(value)
        end
    end
    return table.concat(parts, " ")
end

-- Looks like a list that has `n` elements, and writes down how it is read and written.
local function proxy(n)
    local log = {}
    return setmetatable({}, {
        __len = function() return n end,
        __index = function(_, key) log[#log + 1] = "r" .. key return "v" .. key end,
        __newindex = function(_, key, value) log[#log + 1] = "w" .. key .. tostring(value) end,
        __tostring = function() return table.concat(log, " ") end,
    })
end

local function sorted(list, ...)
    table.sort(list, ...)
    return list
end

local text = "h\u{E9}llo \u{20AC} \u{1F600}"
local invalid = { "\x80", "a\x80", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xFF",
    "\xFD\xBF\xBF\xBF\xBF\xBF", "\xFE\x80\x80\x80\x80\x80\x80", "\xE2\x82", "\xE2\x82a" }

local cases = {
    function() return ("ab"):rep(3), ("ab"):rep(3, ","), ("ab"):rep(1, ","), ("ab"):rep(0), ("ab"):rep(-1), (""):rep(9) end,
    function() return (""):rep(4, "-"), ("x"):rep(1000), ("xy"):rep(777, "abc"), ("a\0b"):rep(2) end,
    function() return ("x"):rep("3"), ("x"):rep(2.0), (12):type() end,
    function() return string.rep(12, 2), string.rep("x", 2, 3) end,
    function() return string.rep() end, function() return string.rep("x") end, function() return string.rep("x", 1.5) end,
    function() return string.rep("x", {}) end, function() return string.rep("x", 2, {}) end,
    function() return (""):reverse(), ("abc"):reverse(), ("a\0b"):reverse(), string.reverse(123) end,
    function() return string.reverse() end,
    function() return ("aZ\xE9\xC9[`{@"):upper(), ("aZ\xE9\xC9[`{@"):lower(), string.upper(1.5), (""):lower() end,
    function() return string.lower({}) end, function() return string.upper() end,
    function() return ("abc"):byte(), ("abc"):byte(2), ("abc"):byte(-1), ("abc"):byte(1, -1), ("abc"):byte(0) end,
    function() return ("abc"):byte(10), ("abc"):byte(2, 1), ("abc"):byte(-10, 10), (""):byte() end,
    function() return ("abc"):byte(math.mininteger, math.maxinteger) end, function() return ("abc"):byte(3, 2) end,
    function() return ("abc"):byte(0, 2) end, function() return ("abc"):byte(-5, -3) end,
    function() return string.byte() end, function() return string.byte("a", "x") end,
    function() return ("%d %5.2f %s %q %x %%"):format(1, 2.5, "a", "b\n\0c", 255) end,
    function() return ("%s|%10s|%-5s|%.2s"):format({} ~= nil, "a", "b", "abc") end,
    function() return ("%s %s"):format(setmetatable({}, { __tostring = function() return "T" end }), print ~= nil) end,
    function() return ("%d %s"):format(1, setmetatable({}, { __tostring = function() return 1 end })) end,
    function() return ("%5s%%%s"):format(setmetatable({}, { __tostring = function() return "a" end }), 2) end,
    function() return ("%d"):format("x") end, function() return ("%d"):format(1.5) end, function() return ("%"):format() end,
    function() return ("%y"):format(1) end, function() return ("%s"):format() end, function() return string.format() end,
    function() return ("%1000d"):format(1) end, function() return ("%q"):format({}) end, function() return ("%i"):format("3") end,
    function() return ("%s %s"):format(1, setmetatable({}, { __tostring = function() error("oops", 0) end })) end,
    function() return string.format({}) end, function() return string.format(5) end, function() return ("%c%c"):format(65, 0) end,
    function() return string.pack("<i4 z s1 c5", 1, "a", "b", "xy") end, function() return string.pack("c2", "abc") end,
    function() return string.packsize("<i4 c10 !8 d") end, function() return string.packsize("s") end,
    function() return string.unpack("<i4 z s1", "\1\0\0\0a\0\1b") end, function() return string.unpack("i17", "") end,
    function() return string.pack("i17", 1) end, function() return string.pack("c", "a") end, function() return string.pack() end,
    function() return string.pack("i1", 300) end, function() return string.unpack("i4", "abc") end,
    function() return utf8.char(72, 0x20AC, 0x10FFFF), utf8.char() end, function() return utf8.char(-1) end,
    function() return utf8.char("x") end,
    function() return utf8.len(text), utf8.len(""), utf8.len(text, 3), utf8.len(text, 4), utf8.len(text, -4), utf8.len(text, 1, 5) end,
    function() return utf8.len(text, #text + 1), utf8.len(text, 2, 1) end, function() return utf8.len(text, #text + 2) end,
    function() return utf8.len(text, 0) end, function() return utf8.len(text, 1, #text + 1) end, function() return utf8.len() end,
    function() return utf8.len(text, -100) end, function() return utf8.len(text, 1, -100) end,
    function() return utf8.codepoint(text, 1, -1) end, function() return utf8.codepoint(text), utf8.codepoint(text, 2) end,
    function() return utf8.codepoint(text, 3) end, function() return utf8.codepoint(text, 0) end,
    function() return utf8.codepoint(text, 1, 100) end, function() return utf8.codepoint(text, 3, 2) end,
    function() return utf8.codepoint("", 1) end, function() return utf8.codepoint("\u{7FFFFFFF}", 1, 1, true) end,
    function() return utf8.offset(text, 1), utf8.offset(text, 3), utf8.offset(text, -1), utf8.offset(text, -3), utf8.offset(text, 0, 3) end,
    function() return utf8.offset(text, 100), utf8.offset(text, -100), utf8.offset(text, 9), utf8.offset(text, 10), utf8.offset(text, 0) end,
    function() return utf8.offset(text, 1, 3) end, function() return utf8.offset(text, 1, 100) end, function() return utf8.offset(text) end,
    function() return utf8.offset(text, 1, 0) end, function() return utf8.offset("", 0), utf8.offset("", 1), utf8.offset("", -1) end,
    function() return utf8.offset(text, 2, 2), utf8.offset(text, -1, 4), utf8.offset("\x80\x80", 0, 2), utf8.offset("a\x80", 2) end,
    function() return table.concat({}), table.concat({ 1, 2.5, "x" }), table.concat({ "a", "b" }, ", "), table.concat({ "a" }, "-") end,
    function() return table.concat({ 1, 2, 3 }, ",", 2), table.concat({ 1, 2, 3 }, ",", 2, 3), table.concat({ 1 }, ",", 2) end,
    function() return table.concat({ 1, {}, 3 }) end, function() return table.concat({ 1 }, ",", 1, 3) end,
    function() return table.concat({ [0] = 0, 1 }, ",", 0), table.concat({}, "x", 5, 4) end, function() return table.concat("x") end,
    function() return table.concat({ 1 }, {}) end, function() return table.concat({ 1 }, ",", "x") end, function() return table.concat() end,
    function() return table.concat(proxy(3), "+") end, function() return table.concat(setmetatable({}, { __len = function() return 1 << 40 end })) end,
    function() return table.concat({ [math.maxinteger] = "x" }, ",", math.maxinteger, math.maxinteger) end,
    function() local t = { 1, 2 } table.insert(t, 3) table.insert(t, 1, 0) table.insert(t, 5, 9) return t end,
    function() table.insert({ 1 }, 3, 1) end, function() table.insert({ 1 }, 0, 1) end, function() table.insert({}) end,
    function() table.insert({}, 1, 2, 3) end, function() table.insert(nil, 1) end, function() table.insert({}, "x", 1) end,
    function() table.insert({}, nil) end, function() table.insert("x", 1) end, function() local p = proxy(2) table.insert(p, 1, "x") return tostring(p) end,
    function() local t = { 1, 2, 3 } return table.remove(t), table.remove(t, 1), t, table.remove(t), table.remove(t), t end,
    function() return table.remove({}, 0), table.remove({}, 1), table.remove({ [0] = "z" }, 0), table.remove({ 1 }, 2) end,
    function() return table.remove({ 1 }, 3) end, function() return table.remove({ 1, 2 }, -1) end, function() return table.remove() end,
    function() return table.remove({}, "x") end, function() local p = proxy(3) return table.remove(p, 1), tostring(p) end,
    function() local t = { 1, 2, 3, 4 } return table.move(t, 1, 3, 2), table.move({ 1, 2, 3 }, 2, 3, 1), table.move({ 1, 2 }, 1, 2, 3) end,
    function() return table.move({ 1, 2, 3 }, 1, 3, 2, {}), table.move({ 1 }, 1, 0, 5), table.move({ 1 }, 3, 1, 2, { 9 }) end,
    function() return table.move({}, 1, math.maxinteger, 2) end, function() return table.move({}, -1, math.maxinteger, 2) end,
    function() return table.move({}, 1, 2, math.maxinteger) end, function() return table.move({}, 1) end, function() return table.move(1, 1, 1, 1) end,
    function() return table.move({ 1 }, 1, 1, 1, 5) end, function() local p = proxy(3) table.move(p, 1, 3, 2) return tostring(p) end,
    function() local p = proxy(3) table.move(p, 2, 3, 1) return tostring(p) end, function() local p = proxy(3) table.move(p, 1, 2, 2, {}) return tostring(p) end,
    function() return table.unpack({ 1, 2, nil, 4 }, 1, 4) end, function() return table.unpack({ 1, 2 }), table.unpack({}, 1, 0), table.unpack({ 1, 2, 3 }, -1, 1) end,
    function() return select("#", table.unpack({}, 1, 300)) end, function() return table.unpack() end, function() return table.unpack({}, "x") end,
    function() return table.unpack({ 1, 2 }, math.maxinteger, math.maxinteger) end, function() return table.unpack({ 1, 2 }, 2, nil) end,
    function() return table.unpack("abc") end, function() return table.unpack(proxy(2)) end,
    function() return sorted({}), sorted({ 1 }), sorted({ 2, 1 }), sorted({ 3, 1, 2 }), sorted({ "b", "a", "c" }), sorted({ 2, 1.5, 1 }) end,
    function() return sorted({ 1, 2, 3, 4, 5 }, function(a, b) return a > b end) end, function() return sorted({ 1, "x" }) end,
    function() return sorted({ {}, {} }) end, function() return sorted({ 2, 1 }, 5) end, function() return sorted({ 1 }, 5) end,
    function() return sorted({ 1, 2 }, nil) end, function() return sorted() end, function() return sorted({ 2, 1 }, function() error("x", 0) end) end,
    function() return tonumber("10"), tonumber("0x1p4"), tonumber("  12  "), tonumber("1e1"), tonumber("x"), tonumber("10", 2), tonumber("zz", 36) end,
    function() return tonumber() end, function() return tonumber(nil) end, function() return tonumber({}) end, function() return tonumber("1", 99) end,
    function() return "10" + 5, "3" * "4", 10 - "1", "7" // 2, "7" % "4", "2" ^ 3, -"2", "7" / 2, "0x10" + 0 end,
    function() return "a" + 1 end, function() return {} + "1" end, function() return "1" .. 2, #"abc" end, function() return -"x" end,
    function() return os.date("!%Y-%m-%d", 0) end, function() return os.date("%Ez", 0) end, function() return os.date("!*t", 86400).day end,
}

local lines = {}
local function try(name, f, ...)
    local result = show(pcall(f, ...))
    -- The place is another matter, and an address is no result.
    result = result:gsub("[%w%._]+%.lua:%d+: ", ""):gsub("to '[^']*'", "to it"):gsub("0x%x%x%x%x%x+", "0x")
    lines[#lines + 1] = name .. ": " .. result:gsub("\n", "n")
end

for i, case in ipairs(cases) do try("case " .. i, case) end
for i, bytes in ipairs(invalid) do
    for _, lax in ipairs { false, true } do
        try("invalid " .. i, function() return utf8.len(bytes, 1, -1, lax) end)
        try("invalid " .. i, function() return utf8.codepoint(bytes, 1, -1, lax) end)
        try("invalid " .. i, function() return utf8.offset(bytes, 2) end)
        try("invalid " .. i, function() return utf8.offset(bytes, -1) end)
    end
end

local state = seed
local function random(most)
    state = state * 6364136223846793005 + 1442695040888963407
    return (state >> 33) % most + 1
end

local bytes = { "a", "\u{E9}", "\u{20AC}", "\u{1F600}", "\x80", "\xC3", "\xE2\x82", "\xF5", "\xED\xA0\x80", "z" }
for i = 1, count do
    local list, parts = {}, {}
    for k = 1, random(12) - 1 do list[k] = random(9) end
    for k = 1, random(6) - 1 do parts[k] = bytes[random(random(2) == 1 and 4 or #bytes)] end
    local a, b, c = random(16) - 4, random(16) - 4, random(16) - 4
    local text = table.concat(parts)
    try("concat", table.concat, list, ",", a, b)
    try("move", function() return table.move(list, a, b, c), table.move(list, a, b, c, {}) end)
    try("insert", function() table.insert(list, a, "x") return list end)
    try("remove", function() return table.remove(list, b), list end)
    try("unpack", table.unpack, list, a, b)
    try("byte", string.byte, text, a, b)
    try("len", utf8.len, text, a, b, c > 5)
    try("codepoint", utf8.codepoint, text, a, b, c > 5)
    try("offset", utf8.offset, text, a - 6, b)
    try("rep", string.rep, text, a, c > 5 and "," or nil)
    local long = {}
    for k = 1, random(300) do long[k] = i % 3 == 0 and random(5) or random(1000000) end
    try("sort", function() return table.concat(sorted(long), ",") end)
    try("sort", function() return table.concat(sorted(long, function(x, y) return x > y end), ",") end)
    -- What contradicts itself ends, whatever comes of it, and after as many comparisons as it takes.
    local kept = state
    pcall(table.sort, long, function() return random(2) == 1 end)
    pcall(table.sort, long, function() return true end)
    state = kept
    lines[#lines + 1] = tostring(#long)
end
return table.concat(lines, "\n")
