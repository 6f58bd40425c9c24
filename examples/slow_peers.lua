-- Which established connections are slow: a round-trip time of at least so much?
--
--   connsh examples/slow_peers.lua [TIME [N]]
--
-- TIME is seconds or a text such as 200ms, 100ms unless told; the N slowest are listed, 10
-- unless told. `retrans` are the segments that were sent again since the connection began.
--
--      rtt ms  retrans  local               remote
--     312.250        4  10.0.0.1 443        198.51.100.9 50122
--     180.004        0  10.0.0.1 443        203.0.113.77 41822

local slow, most = arg[1] or "100ms", tonumber(arg[2] or 10)
if not most then
  io.stderr:write("usage: connsh slow_peers.lua [TIME [N]]\n")
  os.exit(2)
end

local slowest = sockets<rtt>=slow, proto="tcp", state="established">:sort("-rtt"):limit(most)

print(string.format("%10s  %7s  %-18s  %s", "rtt ms", "retrans", "local", "remote"))
for s in slowest do
  print(string.format("%10.3f  %7d  %-18s  %s", s.rtt * 1000, s.total_retrans or 0,
    s.laddr .. " " .. s.lport, s.raddr .. " " .. s.rport))
end
