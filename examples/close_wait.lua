-- Who forgets to close? In close-wait the peer has closed and the program here has not: a number
-- that grows is a leak in that program.
--
--   connsh examples/close_wait.lua
--
-- Connections that came in are counted by the port that they came to, those that went out by
-- the address and port that they went to.
--
--   12  in   8080
--    3  out  10.0.0.5 5432

local listening = {}
for s in sockets<state="listen"> do
  listening[s.lport] = true
end

local number, names = {}, {}
for s in sockets<state="close-wait"> do
  local name = listening[s.lport] and "in   " .. s.lport or "out  " .. s.raddr .. " " .. s.rport
  if not number[name] then
    names[#names + 1] = name
  end
  number[name] = (number[name] or 0) + 1
end

table.sort(names, function(a, b)
  if number[a] ~= number[b] then
    return number[a] > number[b]
  end
  return a < b
end)

for _, name in ipairs(names) do
  print(string.format("%4d  %s", number[name], name))
end
