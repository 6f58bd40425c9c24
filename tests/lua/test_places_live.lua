-- Namespaces: the source, and queries over several of them, by pattern. Each test runs a shell in
-- mounts and a process tree of its own, where /run/netns is empty and /proc shows its own only.

local lu = require("luaunit")
local S = require("support")

local inside = S.apart

local two = S.two_namespaces

TestPatterns = {}

function TestPatterns:test_every_namespace_with_its_name()
  local result = inside(two .. [[
    connsh -e 'for s in sockets{netns="*", state="listen"}:sort("lport") do
      print(s.netns, s.lport)
    end'
    connsh -q 'sockets{netns="*", state="established"}:group("netns"):count()' -o csv
    connsh -p 'count{netns="*", lport=81}' -p 'count{netns="b*", state="listen"}' --netns red
    connsh --netns '*' -p 'count<state="listen">'
  ]])
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.out, "blue\t81\nred\t82\nnetns,count\nblue,2\n2\n1\n2\n")
end

function TestPatterns:test_a_process_alone_in_its_namespace()
  local result = inside([[
    unshare -n $SOCKMAKER listen=127.0.0.1:83 -- sleep 60 &
    i=0
    until [ "$(connsh -p 'count{netns="*", state="listen"}')" = 1 ]; do
      i=$((i + 1)); [ $i -lt 100 ]; sleep 0.1
    done
    connsh -e 'local s = sockets{netns="*", state="listen"}:first()
      print(s.lport, count{netns=s.netns, state="listen"}, math.type(tonumber(s.netns)))'
  ]])
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.out, "83\t1\tinteger\n")
end

function TestPatterns:test_a_pattern_that_names_none_is_an_error()
  local result = inside([[connsh -p 'count{netns="web*"}' || echo "code $?"]])
  lu.assertStrContains(result.err, 'no network namespace has a name like "web*"')
  lu.assertEquals(result.out, "code 1\n")
end

-- Two hundred of them, with fewer descriptors than that.
function TestPatterns:test_many_namespaces_need_few_descriptors()
  local result = inside([[
    for i in $(seq 200); do ip netns add n$i; done
    ulimit -n 64
    connsh -p 'count{netns="*"}' -p '#namespaces' -p '#namespaces{netns="n1*"}'
  ]])
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.out, "0\n201\n111\n")
end

-- A file below /run/netns that is no namespace is not one; one that may not be entered is told.
function TestPatterns:test_what_is_no_namespace_is_not_asked()
  local result = inside([[
    ip netns add blue
    : > /run/netns/broken
    connsh -p 'count{netns="*"}' -q 'namespaces{netns="b*"}:select("netns")' -o csv
  ]])
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.out, "0\nnetns\nblue\n")
end

function TestPatterns:test_what_cannot_be_entered_is_named()
  local result = inside([[
    ip netns add blue
    setpriv --bounding-set -sys_admin --inh-caps -sys_admin \
      "$CONNSH" -p 'count{netns="*"}' || echo "code $?"
  ]])
  lu.assertStrContains(result.err, "1 network namespace could not be entered: blue")
  lu.assertEquals(result.out, "0\ncode 3\n")
end

-- Objects of two namespaces are told apart, whatever they share; one that is named twice is asked
-- once.
function TestPatterns:test_every_source()
  local result = inside([[
    ip netns add blue
    ip netns exec blue ip link set lo up
    ip link set lo up
    connsh -e '
      for _, s in ipairs(connsh.sources()) do
        if s.name ~= "processes" and s.name ~= "namespaces" then
          local here, there = #s.query, #s.query{netns="blue"}
          local both = #s.query{netns="*"}
          assert(here + there == both, s.name .. ": " .. here .. " " .. there .. " " .. both)
          assert(#s.query{netns={"blue", "*"}} == both, s.name)
          assert(#s.query{netns={"blue", "/run/netns/blue"}} == there, s.name)
        end
      end
      print(#routes > 0, #routes{netns="*"}:distinct("netns"), #counters{netns="*"} > #counters)'
  ]])
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.out, "true\t2\ttrue\n")
end

TestSource = {}

function TestSource:test_names_pids_and_numbers()
  local result = inside([[
    ip netns add blue
    ip link add va type veth peer name vb netns blue
    mkdir /run/other && : > /run/other/x
    mount --bind /run/netns/blue '/run/other/x'
    ip netns exec blue sleep 60 &
    i=0
    until [ "$(connsh -p 'namespaces{netns="blue"}:first().processes')" = 1 ]; do
      i=$((i + 1)); [ $i -lt 100 ]; sleep 0.1
    done
    connsh -e 'local n = namespaces{netns="blue"}:first()
      print(table.concat(n.names, " "), n.processes, n.own, n.nsid)
      local f = io.popen("readlink /proc/" .. n.pid .. "/ns/net")
      print(f:read() == "net:[" .. n.inode .. "]")'
    ip netns list-id | sed 's/ (.*//'
    connsh -e 'local n = namespaces{own=true}:first() print(n.nsid, n.names, n.pid)'
  ]])
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.out,
    "blue /run/other/x\t1\tfalse\t0\ntrue\nnsid 0\nnil\tnil\t1\n")
end

-- A namespace that only a device keeps has a number, and nothing else is known of it.
function TestSource:test_known_by_its_number_only()
  local result = inside([[
    ip netns add blue
    ip link add va type veth peer name vb netns blue
    ip netns exec blue sleep 60 &
    keep=$!
    sleep 0.2
    umount /run/netns/blue
    exec 9</proc/$keep/ns/net
    kill -9 $keep; { wait $keep || true; } 2>/dev/null
    connsh -q 'namespaces{inode=false}' -o csv --columns netns,nsid,processes
  ]])
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.out, "netns,nsid,processes\n,0,\n")
end

S.main()
