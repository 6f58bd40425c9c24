-- The questions that people have of all sources, each in one line, where the answer is known. Who
-- is at the other end of a unix socket is in test_unix_live.lua, whose errors rise in
-- test_links_live.lua.

local lu = require("luaunit")
local S = require("support")

-- Two namespaces with connections, a device, routes, a group.
local machine = [[
  ip link set lo up
  ip netns add blue
  ip netns exec blue ip link set lo up
  ip netns exec blue "$SOCKMAKER" listen=127.0.0.1:81 conn=127.0.0.1:81*3 -- sleep 60 &
  "$SOCKMAKER" listen=127.0.0.1:80 conn=127.0.0.1:80*5 -- sleep 60 &
  i=0
  until [ "$(connsh -p 'count{netns="*", state="established"}' 2>/dev/null)" = 16 ]; do
    i=$((i + 1)); [ $i -lt 100 ]; sleep 0.1
  done
  ip link add v0 type veth peer name v1
  ip link set v0 up
  ip link set v1 up
  ip addr add 10.9.0.1/24 dev v0
  ip route add 10.20.0.0/16 table 100 via 10.9.0.2
  ip route add 10.30.0.0/16 table 100 nexthop via 10.9.0.2 weight 2 nexthop via 10.9.0.3
  ip addr add 239.255.255.250/32 dev v0 autojoin
]]

local function answers(text, expected)
  local result = S.apart(machine .. text)
  lu.assertEquals(result.out, expected, result.err)
  lu.assertEquals(result.code, 0, result.err)
  return result
end

TestOneLine = {}

function TestOneLine:test_connections_of_every_namespace_by_name()
  answers([[
    connsh -q 'sockets<state="established", netns="*", lport={80, 81}>:group("netns"):count()' \
      -o csv | sed "s/^$(connsh -p 'namespaces<own=true>:first().netns'),/own,/"
  ]], "netns,count\nown,5\nblue,3\n")
end

function TestOneLine:test_routes_of_a_table_with_their_gateways()
  answers([[
    connsh -q 'routes<table=100>:select("dst", "gateway", "nexthops"):sort("dst")' -o csv
    connsh -p '#routes<table=100, gateway="10.9.0.3">' -p '#routes<table=101>'
  ]], [[
dst,gateway,nexthops
10.20.0.0/16,10.9.0.2,
10.30.0.0/16,10.9.0.2,"10.9.0.2 dev v0 weight 2, 10.9.0.3 dev v0 weight 1"
1
0
]])
end

function TestOneLine:test_who_joined_a_group()
  answers([[connsh -q 'maddrs<addr="239.255.255.250">:select("dev", "users")' -o csv]],
    "dev,users\nv0,1\n")
end

function TestOneLine:test_a_counter_by_name()
  answers([[
    connsh -p 'counters.TcpExtListenOverflows' -p 'counters<name="TcpExtListenO*">:first().value' \
      -p 'counters.TcpActiveOpens' -p 'counters<netns="blue">.TcpActiveOpens'
  ]], "0\n0\n5\n3\n")
end

function TestOneLine:test_share_of_the_ephemeral_ports_towards_one_destination()
  answers([[
    connsh -e 'local used = sockets<raddr="127.0.0.1", rport=80, lport=limits.ports.range>
      local n = used:distinct("lport"):count()
      print(n, n / limits.ports.value > 0)'
  ]], "5\ttrue\n")
end

-- Taken here, answered by another user in a place that has none of it.
function TestOneLine:test_a_snapshot_moves()
  local result = S.apart(machine .. [[
    connsh --snapshot /run/now >/dev/null 2>&1
    mkdir /run/elsewhere
    mv /run/now /run/elsewhere/now
    chmod 644 /run/elsewhere/now
    unshare -n setpriv --reuid=65534 --regid=65534 --clear-groups "$CONNSH" \
      --from /run/elsewhere/now \
      -p 'count<state="established", lport=80>' \
      -p 'count<netns="blue", state="established", lport=81>' \
      -p 'routes<table=100>:first().link.name' \
      -p 'sockets<state="listen", lport=80>:first().process.comm' \
      -p 'counters.TcpActiveOpens' -p '#maddrs<addr="239.255.255.250">'
  ]])
  if result.err:find("setpriv", 1, true) then
    S.skip("no other user")
  end
  lu.assertEquals(result.out, "5\n3\nv0\nsockmaker\n5\n1\n", result.err)
end

S.main()
