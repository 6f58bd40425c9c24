-- How many TCP sockets are in each state, on the whole system or on one port?
--
--   connsh examples/states.lua [PORT]
--
-- PORT is a local port, a service name or a range such as 1024-65535.
--
--   listen             2
--   established       50
--   close-wait         3

local states = {
  "listen", "syn-sent", "syn-recv", "established", "fin-wait-1", "fin-wait-2", "close-wait",
  "last-ack", "closing", "time-wait", "close",
}

local tcp = sockets<proto="tcp">
if arg[1] then
  tcp = tcp<lport=arg[1]>
end

-- One pass over all, rather than one query a state.
local number = {}
for group in tcp:group("state"):count() do
  number[group.state] = group.count
end

for _, state in ipairs(states) do
  if number[state] then
    print(string.format("%-12s %7d", state, number[state]))
  end
end
