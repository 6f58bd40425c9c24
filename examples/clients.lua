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

-- An IPv4 client of an IPv6 listener has a mapped address: show what it stands for.
local held, clients = {}, {}
for s in connected do
  local client = s.raddr:gsub("^::ffff:(%d+%.)", "%1")
  if not held[client] then
    clients[#clients + 1] = client
  end
  held[client] = (held[client] or 0) + 1
end

table.sort(clients, function(a, b)
  if held[a] ~= held[b] then
    return held[a] > held[b]
  end
  return a < b
end)

if #clients > 0 then
  print()
end
for i = 1, math.min(#clients, most) do
  print(string.format("%4d  %s", held[clients[i]], clients[i]))
end
