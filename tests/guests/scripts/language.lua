-- Lua's own things: errors through setjmp, coroutines, closures, metatables, strings.
print(#arg, table.concat(arg, ","))
print(pcall(error, "plain"), select("#", pcall(error)))
print(pcall(function() local nothing; return nothing.field end))
print(select(2, pcall(error, {code = 7})).code)

local function nested(depth)
  if depth == 0 then error("from the bottom", 0) end
  local ok, why = pcall(nested, depth - 1)
  error(why .. "<" .. depth, 0)
end
print(pcall(nested, 20))
print(xpcall(function() error("handled", 0) end, function(why) return "handler: " .. why end))
print(pcall(function() local function again() return 1 + again() end return again() end) == false)

local squares = coroutine.wrap(function()
  for i = 1, 4 do coroutine.yield(i * i) end
  error("no more", 0)
end)
print(squares(), squares(), squares(), squares(), pcall(squares))
print(coroutine.close(coroutine.create(print)))

local closed = {}
do
  local a <close> = setmetatable({}, {__close = function() closed[#closed + 1] = "a" end})
  local b <close> = setmetatable({}, {__close = function() closed[#closed + 1] = "b" end})
end
print(table.concat(closed))

local sum = 0
for i = 1, 200000 do sum = sum + i % 7 end
print(sum, 7 // 2, 7.0 / 2, 1 << 62, math.maxinteger + 1 == math.mininteger)
print(("the quick brown fox"):gsub("%w+", string.upper), ("%5.2f|%q"):format(math.pi, "a\nb"))
print(string.unpack("<i4", string.pack("<i4", -5)), utf8.len("häßlich"), #"häßlich")
local words = {}
for word in ("b c a"):gmatch("%a") do words[#words + 1] = word end
table.sort(words)
print(table.concat(words, " "), load("return 6 * 7")())
collectgarbage()
