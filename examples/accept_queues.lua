-- Which listeners fall behind: connections are set up and wait for the program to accept them?
--
--   connsh examples/accept_queues.lua [PERCENT]
--
-- Lists the listeners whose queue is filled to PERCENT of its backlog, 50 unless told. A full
-- queue makes the kernel drop what comes next.
--
--   waiting  backlog  full  listener
--       120      128   94%  0.0.0.0 443

local percent = tonumber(arg[1] or 50)
if not percent then
  io.stderr:write("usage: connsh accept_queues.lua [PERCENT]\n")
  os.exit(2)
end

local lines = {}
for s in sockets<state="listen", accept_queue>0> do
  local full = s.backlog > 0 and 100 * s.accept_queue / s.backlog or 100
  if full >= percent then
    lines[#lines + 1] = string.format("%7d  %7d  %3.0f%%  %s %d", s.accept_queue, s.backlog, full,
      s.laddr, s.lport)
  end
end

table.sort(lines)
print("waiting  backlog  full  listener")
for i = #lines, 1, -1 do
  print(lines[i])
end
