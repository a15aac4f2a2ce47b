-- Files through C's stdio.
for line in io.lines("/data/in.txt") do io.write("[", line, "]") end
print()
local f = assert(io.open("/data/out.txt", "w+"))
f:setvbuf("full")
for i = 1, 1000 do f:write(i, "\n") end
print(f:seek("cur"), f:seek("set", 4), f:read("n"), f:read("L"), f:seek("end"))
f:close()
f = assert(io.open("/data/out.txt", "a"))
f:write("end")
f:close()
local text = assert(io.open("/data/out.txt", "rb")):read("a")
print(#text, text:sub(-8))
print(os.rename("/data/out.txt", "/data/moved.txt"), os.rename("/data/out.txt", "/data/moved.txt"))
print(io.open("/data/out.txt"))
print(os.remove("/data/none.txt"))
print(io.open("/outside.txt") == nil, io.open("/data/../outside.txt") == nil)
print(type(os.time()), os.date("!%Y-%m-%d", 86400 * 365), os.getenv("NOTHING"), os.clock() >= 0)
