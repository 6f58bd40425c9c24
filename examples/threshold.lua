-- Says so, once, when a port has more connections than a limit, and once when it has no longer.
--
--   connsh examples/threshold.lua PORT LIMIT [SECONDS [ROUNDS]]
--
-- It looks every SECONDS, 5 unless told, for ROUNDS times, for ever unless told. Ctrl-C ends it.
--
--   2026-03-01 12:00:05 ALERT: port 80 has 251 connections, more than 200
--   2026-03-01 12:04:35 resolved: port 80 has 180 connections

local port, limit = arg[1], tonumber(arg[2])
local seconds, rounds = tonumber(arg[3] or 5), tonumber(arg[4] or math.huge)
if not (port and limit and seconds and rounds) then
  io.stderr:write("usage: connsh threshold.lua PORT LIMIT [SECONDS [ROUNDS]]\n")
  os.exit(2)
end

local connected = sockets<state="established", lport=port>
local above, round = false, 0

local function say(text)
  print(os.date("%Y-%m-%d %H:%M:%S ") .. text)
end

while round < rounds do
  if round > 0 then
    sleep(seconds)
  end
  round = round + 1
  -- A query asks the kernel anew each time that it is counted.
  local n = connected:count()
  if n > limit and not above then
    say(string.format("ALERT: port %s has %d connections, more than %d", port, n, limit))
  elseif n <= limit and above then
    say(string.format("resolved: port %s has %d connections", port, n))
  end
  above = n > limit
end
