-- How many clients are connected to a port, and which of them hold the most connections?
--
--   connsh examples/clients.lua PORT [N]
--
-- PORT is a number or a service name; N talkers are listed, 10 unless told.
--
--   connections 25
--   clients     2
--
--   20  10.0.0.7
--    5  10.0.0.21

local port, most = arg[1], tonumber(arg[2] or 10)
if not port or not most then
  io.stderr:write("usage: connsh clients.lua PORT [N]\n")
  os.exit(2)
end

local connected = sockets<state="established", lport=port>

print("connections " .. #connected)
print("clients     " .. #connected:distinct("raddr"))

local talkers = connected:top(most, "raddr"):list()

if #talkers > 0 then
  print()
end
for _, talker in ipairs(talkers) do
  print(string.format("%4d  %s", talker.count, talker.raddr))
end
