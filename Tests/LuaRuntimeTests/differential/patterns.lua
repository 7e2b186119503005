-- Patterns, subjects and functions by a seeded generator over the whole language of the manual's section 6.4.1: a line
-- each of what is tried and what comes of it. Two Luas that agree give the same lines.

local seed, count = ...

local state = seed
local function random(most)
    state = state * 6364136223846793005 + 1442695040888963407
    return (state >> 33) % most + 1
end
local function pick(list) return list[random(#list)] end

local letters = { "a", "b", "a", "b", "c", " ", "1", "-", "Z", "_", "(", ")", "\0", "]", "x", "^", "\xE9", "%" }
local others = { "a", "b", "c", " ", "1", "-", "]", "^", "%", ".", "\0", "\xE9", "Z", "_", "(", ")", "[", "x", "$", "\n" }
local classes = {
    "%a", "%c", "%d", "%g", "%l", "%p", "%s", "%u", "%w", "%x", "%A", "%C", "%D", "%G", "%L", "%P", "%S", "%U", "%W",
    "%X", "%z", "%y", "%.", "%%", "%]", "%[", "%(", "%^", "%-", "%",
}
local repeats = { "", "", "", "*", "+", "-", "?", "*", "-" }

local function set()
    local parts = { "[" }
    if random(4) == 1 then parts[2] = "^" end
    for _ = 1, random(4) - (random(6) == 1 and 1 or 0) do
        local kind = random(8)
        if kind <= 3 then
            parts[#parts + 1] = pick(letters)
        elseif kind <= 5 then
            parts[#parts + 1] = pick(letters) .. "-" .. pick(letters)
        elseif kind == 6 then
            parts[#parts + 1] = "-"
        else
            parts[#parts + 1] = pick(classes)
        end
    end
    if random(25) > 1 then parts[#parts + 1] = "]" end
    return table.concat(parts)
end

local function item()
    local kind = random(24)
    if kind <= 8 then return pick(letters) .. pick(repeats) end
    if kind <= 10 then return "." .. pick(repeats) end
    if kind <= 13 then return pick(classes) .. pick(repeats) end
    if kind <= 15 then return set() .. pick(repeats) end
    if kind == 16 then return "(" end
    if kind == 17 then return ")" end
    if kind == 18 then return "()" end
    if kind == 19 then return "%" .. random(4) - 1 end
    if kind == 20 then return "%b" .. pick({ "()", "ab", "aa", "a", "", "[]" }) end
    if kind == 21 then return "%f" .. (random(6) > 1 and set() or "a") end
    if kind == 22 then return pick({ "^", "$" }) end
    if kind == 23 then return "(" .. pick({ ".-", ".*", "a+", "[ab]*", "%w+" }) .. ")" end
    return pick(others)
end

local function pattern()
    local parts = {}
    if random(6) == 1 then parts[1] = "^" end
    for _ = 1, random(6) do parts[#parts + 1] = item() end
    if random(6) == 1 then parts[#parts + 1] = "$" end
    return table.concat(parts)
end

local function subject()
    local parts = {}
    for i = 1, random(16) - 1 do parts[i] = pick(letters) end
    return table.concat(parts)
end

local function show(...)
    local parts = {}
    for i = 1, select("#", ...) do
        local value = select(i, ...)
        parts[i] = type(value) == "string" and ("%q"):format(value) or tostring(value)
    end
    return table.concat(parts, " ")
end

local replacements = {
    "", "x", "%0", "%1", "%2", "<%0>", "%%", "%", "%a", "[%1|%2]", "%9",
    { a = "A", b = false, ["1"] = 1, [1] = "one" }, {},
    function(...) return show(...) end,
    function() return nil end,
    function() return false end,
    function() return {} end,
    function(first) return #tostring(first) end,
    42,
    function() return 1.5 end,
}

local function all(text, pattern, start)
    local found = {}
    for a, b, c in string.gmatch(text, pattern, start) do found[#found + 1] = show(a, b, c) end
    return table.concat(found, ";")
end

local lines = {}
for i = 1, count do
    local pattern, text = pattern(), subject()
    local start = random(3) == 1 and random(12) - 6 or nil
    local kind, what, result = random(5), "", nil
    if kind == 1 then
        result = show(pcall(string.find, text, pattern, start))
    elseif kind == 2 then
        result = show(pcall(string.match, text, pattern, start))
    elseif kind == 3 then
        result = show(pcall(all, text, pattern, start))
    elseif kind == 4 then
        local replacement = random(#replacements)
        local most = random(3) == 1 and random(5) - 2 or nil
        what = replacement .. " " .. tostring(most)
        result = show(pcall(string.gsub, text, pattern, replacements[replacement], most))
    else
        local is_plain = random(2) == 1
        what = tostring(is_plain)
        result = show(pcall(string.find, text, pattern, start, is_plain))
    end
    -- Where an error was raised is another matter than what it says.
    result = result:gsub("[%w%._]+%.lua:%d+: ", "")
    lines[i] = ("%d %s %q %q %s: %s"):format(kind, what, pattern, text, tostring(start), result):gsub("\n", "n")
end
return table.concat(lines, "\n")
