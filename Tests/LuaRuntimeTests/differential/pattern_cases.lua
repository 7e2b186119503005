-- Cases of string.find, match, gmatch and gsub that a generator hardly meets: bounds, arguments, long subjects.

local cases = {
    -- As many open choices as may be, and one more.
    { "find", ("a"):rep(300), ("a?"):rep(199) }, { "find", ("a"):rep(300), ("a?"):rep(200) },
    { "find", "aa", ("a-"):rep(199) .. "b" }, { "find", "aa", ("a-"):rep(200) .. "b" },
    { "find", ("a"):rep(150), ("a*"):rep(199) }, { "find", ("a"):rep(150), ("a*"):rep(200) },
    { "find", "", ("a*"):rep(500) }, { "find", "b", ("a?"):rep(500) },
    -- As many captures.
    { "find", "", ("()"):rep(32) }, { "find", "", ("()"):rep(33) }, { "find", "x", ("("):rep(33) },
    { "match", "x", "(x" }, { "match", "x", "x)" }, { "match", "x", "(x)%2" }, { "match", "x", "(%1)" },
    { "match", "xx", "(x)%1" }, { "match", "hellol", "(h)(e)(l)%3" }, { "match", "aa", "()a%1" },
    -- What is malformed.
    { "find", "a", "[" }, { "find", "a", "[a" }, { "find", "a", "[]" }, { "find", "a", "[^]" }, { "find", "a", "[a%" },
    { "find", "a", "[%]" }, { "find", "a", "%" }, { "find", "a", "a%" }, { "find", "a", "%b" }, { "find", "a", "%ba" },
    { "find", "a", "%f" }, { "find", "a", "%fa" }, { "find", "b", "a[" }, { "find", "", "a[" },
    -- Sets.
    { "find", "]", "[]]" }, { "find", "]", "[^]]" }, { "find", "-", "[a-]" }, { "find", "-", "[-a]" },
    { "find", "-", "[%a-z]" }, { "find", "b", "[a-%z]" }, { "find", "%", "[a-%%]" }, { "find", "^", "[a^]" },
    { "find", "\xFF", "[\x80-\xFF]" }, { "find", "\0", "[%z]" }, { "find", "b", "[c-a]" }, { "find", "a-z", "[a-z]-z" },
    -- Anchors.
    { "find", "ab", "^b" }, { "find", "^b", "%^b" }, { "gmatch", "a^a", "^a" }, { "find", "a$", "a$" }, { "find", "a$b", "a$b" },
    { "gsub", "aaa", "^a", "b" }, { "find", "", "^$" }, { "find", "a\n", "a$" }, { "find", "$", "$" }, { "find", "", "" },
    -- The manual's examples, and what people write.
    { "gsub", "hello world", "(%w+)", "%1 %1" }, { "gsub", "hello world", "%w+", "%0 %0", 1 },
    { "gsub", "hello world from Lua", "(%w+)%s*(%w+)", "%2 %1" },
    { "gsub", "$name-$version.tar.gz", "%$(%w+)", { name = "lua", version = "5.4" } },
    { "gsub", "THE (quick) fox", "%((%a+)%)", "<%1>" }, { "find", "THE (quick) fox", "%f[%a]%a+%f[%A]" },
    { "match", "key = value", "^(%w+)%s*=%s*(%w+)$" }, { "match", "  trim  ", "^%s*(.-)%s*$" },
    { "match", "/path/to/file.txt", "^(.*)/(.-)%.(%w+)$" }, { "match", "2024-01-02", "^(%d%d%d%d)-(%d%d)-(%d%d)$" },
    { "gmatch", "one,two,,three", "([^,]*)" }, { "gmatch", "k=v, l=w", "(%w+)=(%w+)" }, { "gmatch", "abc", "" },
    { "gmatch", "abc", "()" }, { "gmatch", "abc", ".", 2 }, { "gmatch", "abc", ".", -1 }, { "gmatch", "abc", ".", 9 },
    { "find", "a (b (c) d) e", "%b()" }, { "find", "((a)", "%b()" }, { "find", "aXbXc", "%bXX" },
    -- Replacements.
    { "gsub", "hello", "", "-" }, { "gsub", "abc", "%w", "%%%0" }, { "gsub", "abc", "(a)(b)(c)", "%3%2%1" },
    { "gsub", "abc", "()", "%1" }, { "gsub", "abc", "b", "%1" }, { "gsub", "abc", "b", "%2" }, { "gsub", "abc", "b", "%" },
    { "gsub", "abc", "b", "%x" }, { "gsub", "abc", "b", "a\0%%\0" }, { "gsub", "abc", "b", 12 }, { "gsub", 123, 2, 9 },
    { "gsub", "aaa", "a", "b", 0 }, { "gsub", "aaa", "a", "b", -1 }, { "gsub", "aaa", "a", "b", 2 },
    { "gsub", "abc", "%w", { a = 1, b = false, c = 2.5 } }, { "gsub", "abc", "b", function() end },
    { "gsub", "abc", "b", function() return print end }, { "gsub", "abc", "b", function() error("oops", 0) end },
    { "gsub", "abc", "(b)()", function(a, b) return a .. b end },
    { "gsub", "abc", "b", setmetatable({}, { __index = function(_, key) return key .. key end }) },
    -- Starts.
    { "find", "abc", "b", -10 }, { "find", "abc", "", 10 }, { "find", "abc", "", 4 }, { "find", "abc", "", 5 },
    { "find", "abc", "", 3, true }, { "find", "abc", "b", math.mininteger }, { "find", "abc", "b", math.maxinteger },
    { "find", "abc", "c", -1 }, { "match", "abc", "^b", 2 }, { "find", "abc", "b", 0 }, { "match", "abc", "()", 4 },
    -- Plain text.
    { "find", "a+b", "+", 1, true }, { "find", "a\0b\0c", "\0c" }, { "find", "a\0b", "\0", 1, true }, { "find", "aab", "ab" },
    { "find", ("a"):rep(10000) .. "b", ("a"):rep(5000) .. "b", 1, true },
    { "find", ("a"):rep(10000), ("a"):rep(5000) .. "b", 1, true },
    { "find", ("ab"):rep(10000), ("ba"):rep(3000) .. "a", 1, true },
    { "find", ("ab"):rep(10000) .. "c", ("ab"):rep(3000) .. "c" },
    -- Arguments.
    { "find" }, { "find", "a" }, { "find", "a", "b", "c" }, { "find", "a", "b", 1.5 }, { "find", 1234, 3 }, { "match", 12, "%d" },
    { "match" }, { "match", "a" }, { "match", {}, "a" }, { "gmatch" }, { "gmatch", "a" }, { "gmatch", "a", "b", "x" },
    { "gsub" }, { "gsub", "a" }, { "gsub", "a", "a" }, { "gsub", "a", "a", true }, { "gsub", "a", "a", "b", "x" },
    { "gsub", "a", "a", "b", 1.5 }, { "gsub", "a", "a", nil, "x" }, { "gsub", {}, "a", "b" },
    -- Long subjects.
    { "match", ("a"):rep(200000) .. "x", "^(.-)x$" }, { "match", ("a"):rep(200000) .. "x", "(a*)x" },
    { "match", ("a"):rep(200000) .. "x", "([^b]*)x" }, { "match", ("a"):rep(200000) .. "x", "(a-)x" },
    { "match", ("("):rep(100000) .. (")"):rep(100000), "%b()" }, { "match", ("x"):rep(100000) .. "ab", "(.*)b" },
    { "match", ("x"):rep(100000) .. "ab", "(.*).b" }, { "match", ("x"):rep(70000), "(x*)(x)$" },
    { "gsub", ("a,"):rep(50000), ",", ";" }, { "gsub", ("a,"):rep(50000), "(.-),", "%1;" },
    { "match", ("ab"):rep(40000) .. ("ab"):rep(40000), "^(" .. ("ab"):rep(40) .. ".*)%1$" },
}

local function show(...)
    local parts = {}
    for i = 1, select("#", ...) do
        local value = select(i, ...)
        local is_text = type(value) == "string"
        if is_text and #value > 100 then value = #value .. " bytes " .. value:sub(1, 20) .. value:sub(-20) end
        parts[i] = is_text and ("%q"):format(value) or type(value) == "function" and "function" or tostring(value)
    end
    return table.concat(parts, " ")
end

local function all(...)
    local found = {}
    for a, b in string.gmatch(...) do found[#found + 1] = show(a, b) end
    return table.concat(found, ";")
end

local lines = {}
for i, case in ipairs(cases) do
    local name = case[1]
    -- One of gsub's is nil in the middle.
    local count = name == "gsub" and case[5] and 5 or #case
    local call = name == "gmatch" and all or string[name]
    local result = show(pcall(call, table.unpack(case, 2, count)))
    -- Neither is the place of an error, nor what Lua calls a function that has no name there.
    result = result:gsub("[%w%._]+%.lua:%d+: ", ""):gsub("to '[^']*'", "to it")
    lines[i] = i .. " " .. name .. ": " .. result:gsub("\n", "n")
end
return table.concat(lines, "\n")
