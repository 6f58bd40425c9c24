-- Being told of sockets that end, and ending one: connsh.destroyed, connsh.destroy.
-- luacheck: globals sockets routes connsh

local lu = require("luaunit")
local S = require("support")

S.inside { "listen=127.0.0.1:8600", "udp=127.0.0.1:8601", "unix=@connsh-ends" }

local function fails(f, ...)
  local ok, message = pcall(f)
  lu.assertFalse(ok, "no error was raised")
  for _, part in ipairs({ ... }) do
    lu.assertStrContains(message, part)
  end
end

-- Sockets that have ended when this returns; their holder is gone. It, and others, also have some
-- that they never bound, and these are told too.
local function come_and_go(...)
  S.sockmaker { here = true, ... }
end

TestDestroyed = {}

function TestDestroyed:test_each_end_of_a_connection()
  local ended = connsh.destroyed(sockets { proto = "tcp", { "lport", ">", 0 } })
  come_and_go("listen=127.0.0.1:8700", "conn=127.0.0.1:8700*3")
  local sides = { clients = 0, servers = 0, listeners = 0 }
  for _ = 1, 7 do
    local r = ended()
    lu.assertEquals({ r.proto, r.family, r.state }, { "tcp", "inet", "close" })
    lu.assertEquals(r.laddr, "127.0.0.1")
    lu.assertEquals(math.type(r.cookie), "integer")
    -- who had it is not told, nor asked for
    lu.assertNil(r.uid)
    lu.assertNil(r.inode)
    lu.assertNil(r.pid)
    lu.assertEquals(r.owner_status, "closed")
    local side = "servers"
    if r.lport ~= 8700 then
      side = "clients"
      -- what tcp knew to its end; the other side has got a reset, by which it forgets
      lu.assertEquals(r.rport, 8700)
      lu.assertTrue(r.rtt > 0)
    elseif r.raddr == "0.0.0.0" then
      side = "listeners"
    end
    sides[side] = sides[side] + 1
  end
  lu.assertEquals(sides, { clients = 3, servers = 3, listeners = 1 })
end

function TestDestroyed:test_records_are_of_sockets_that_were_there()
  local known = sockets { proto = "tcp", lport = 8710, state = "listen" }
  local ended = connsh.destroyed(sockets { proto = "tcp", lport = 8710 })
  local out = S.sockmaker { here = true, "listen=127.0.0.1:8710",
    cmd = { S.connsh_path(), "-e", "print(sockets{lport=8710}:first().cookie)" } }
  lu.assertEquals(tostring(ended().cookie) .. "\n", out.out)
  lu.assertEquals(known:count(), 0)
end

-- A socket of udp says what it was.
function TestDestroyed:test_udp_of_both_families()
  local ended = connsh.destroyed(sockets { proto = "udp", { "lport", ">", 0 } })
  come_and_go("udp=127.0.0.1:8701", "udp=[::1]:8702", "listen=127.0.0.1:8703",
    "udpconn=127.0.0.1:8704")
  local seen = {}
  for r in ended do
    seen[#seen + 1] = ("%s %s %s"):format(r.proto, r.family,
      r.lport >= 8700 and r.lport < 8710 and r.lport or r.rport .. " " .. r.state)
    if #seen == 4 then
      break
    end
  end
  table.sort(seen)
  lu.assertEquals(seen, { "udp inet 8701", "udp inet 8704", "udp inet 8704 established",
    "udp inet6 8702" })
end

function TestDestroyed:test_conditions()
  local ended = {
    connsh.destroyed(sockets { lport = 8722 }),
    connsh.destroyed(sockets { family = "inet6" }),
    connsh.destroyed(sockets { proto = { "udp", "raw" }, lport = "1-8799" }),
    connsh.destroyed(sockets { where = function(r) return r.lport == 8724 end }),
    connsh.destroyed(sockets { state = "close", { "lport", ">", 8722 } }),
  }
  come_and_go("listen=127.0.0.1:8721")
  come_and_go("listen=127.0.0.1:8722")
  come_and_go("listen=[::1]:8723")
  come_and_go("udp=127.0.0.1:8724")
  local got = {}
  for i, f in ipairs(ended) do
    got[i] = f().lport
  end
  lu.assertEquals(got, { 8722, 8723, 8724, 8724, 8723 })
end

function TestDestroyed:test_limit_and_distinct()
  local ports = {}
  local q = sockets { proto = "udp", lport = "8730-8739" }:distinct("lport"):limit(2)
  local ended = connsh.destroyed(q)
  come_and_go("udp=127.0.0.1:8731")
  come_and_go("udp=127.0.0.1:8731")
  come_and_go("udp=127.0.0.1:8732")
  for r in ended do
    ports[#ports + 1] = r.lport
  end
  lu.assertEquals(ports, { 8731, 8732 })
  fails(ended, "this loop over sockets has ended")
end

local function descriptors()
  local list <close> = assert(io.popen("ls /proc/$PPID/fd"))
  local _, n = list:read("a"):gsub("\n", "")
  return n
end

function TestDestroyed:test_a_loop_that_is_left_listens_no_more()
  collectgarbage()
  collectgarbage("stop")
  local before = descriptors()
  local f, _, _, run = connsh.destroyed(sockets { lport = 8735 })
  lu.assertEquals(descriptors(), before + 1)
  come_and_go("udp=127.0.0.1:8735")
  for r in f, nil, nil, run do
    if r.lport == 8735 then
      break
    end
  end
  lu.assertEquals(descriptors(), before)
  fails(f, "this loop over sockets has ended")
  collectgarbage("restart")
end

-- The query is as it was: its rows are those that are there.
function TestDestroyed:test_the_query_is_not_changed()
  local q = sockets { lport = 8601 }
  local ended = connsh.destroyed(q)
  lu.assertEquals(q:count(), 1)
  lu.assertNotNil(ended)
end

-- Loops that are left open are closed to make room, those that listen are not.
function TestDestroyed:test_many_that_listen()
  local ended = {}
  for i = 1, 60 do
    ended[i] = connsh.destroyed(sockets { lport = 8741 })
  end
  for _ = 1, 60 do
    for r in sockets { lport = 8601 } do
      if r.lport == 8601 then
        break
      end
    end
  end
  come_and_go("listen=127.0.0.1:8741")
  for i = 1, 60 do
    lu.assertEquals(ended[i]().lport, 8741)
  end
end

function TestDestroyed:test_by_a_grid()
  local q = sockets { lport = 8751 }
  local path = S.temporary()
  local file <close> = assert(io.open(path, "wb"))
  local grid = connsh.grid { columns = { { title = "State" }, { title = "Port", before = " " } },
    file = file }
  local forms = { q:form { field = "state" }, q:form { field = "lport" } }
  local ended = connsh.destroyed(q)
  come_and_go("listen=127.0.0.1:8751")
  come_and_go("udp=127.0.0.1:8751")
  for _ = 1, 2 do
    grid:add(ended(), forms)
    grid:flush()
  end
  lu.assertEquals(S.read_file(path), "State Port\nclose 8751\nclose 8751\n")
end

function TestDestroyed:test_elsewhere()
  local out = S.apart(S.two_namespaces .. [[
    (
      sleep 1
      ip netns exec red $SOCKMAKER udp=127.0.0.1:8762 -- true
      ip netns exec blue $SOCKMAKER udp=127.0.0.1:8761 -- true
      $SOCKMAKER udp=127.0.0.1:8763 -- true
    ) &
    connsh -e '
      local got = {}
      for r in connsh.destroyed(sockets{netns={"blue", "red"}, proto="udp", lport="8760-8769"}) do
        got[#got + 1] = r.netns .. " " .. r.lport
        if #got == 2 then break end
      end
      print(table.concat(got, ", "))'
  ]])
  lu.assertEquals(out.out, "red 8762, blue 8761\n", out.err)
  lu.assertEquals(out.code, 0)
end

function TestDestroyed:test_what_is_not_told()
  fails(function() connsh.destroyed(sockets { proto = "unix" }) end,
    "the kernel tells only of tcp and udp sockets that they end")
  fails(function() connsh.destroyed(sockets { proto = "tcp", state = "established" }) end,
    "a tcp socket is in state close then")
  fails(function() connsh.destroyed(routes) end, "does not tell when routes end")
  fails(function() connsh.destroyed(sockets:group("state"):count()) end,
    "does not tell when results end")
  fails(function() connsh.destroyed(sockets:sort("lport")) end, "cannot be sorted")
  fails(function() connsh.destroyed {} end, "connsh.query expected, got table")
  fails(function() connsh.destroyed(sockets { netns = "no-such" }) end, "no-such")
  local file = S.temporary()
  -- 3: the machine has namespaces that come and go
  lu.assertNotEquals(S.connsh("--snapshot", file).code, 1)
  local out = S.connsh("--from", file, "-e", "connsh.destroyed(sockets)")
  lu.assertEquals(out.code, 1)
  lu.assertStrContains(out.err, "nothing happens in a recording")
end

-- More at once than is kept: that is said. In a namespace of its own,
-- for the kernel tells of so many still when others listen.
function TestDestroyed:test_lost()
  local words, why = S.namespace()
  if not words then
    S.skip(why)
  end
  local out = S.run({ words[1], words[2], S.connsh_path(), "-e", [[
    local ended = connsh.destroyed(sockets)
    local waits = connsh.destroyed(sockets { proto = "tcp", lport = 8779 })
    for _ = 1, 4 do
      os.execute(os.getenv("SOCKMAKER")
        .. " listen=127.0.0.1:8771 conn=127.0.0.1:8771*9000 -- true")
    end
    -- the kernel tells later, at its leisure; then the last column but one counts what was dropped
    local function dropped()
      for line in io.lines("/proc/net/netlink") do
        if line:find(" [1-9]%d* +%d+ *$") then
          return true
        end
      end
    end
    local tries = 0
    while not dropped() and tries < 200 do
      sleep(0.1)
      tries = tries + 1
    end
    local n = 0
    for _ in ended do
      n = n + 1
      if n == 1000 then break end
    end
    print(n, connsh.last.complete)
    -- none of these matches, but it is said before the wait
    os.execute("(sleep 1; kill -INT $PPID) &")
    waits()]] }, { env = { SOCKMAKER = S.sockmaker_path() } })
  lu.assertEquals(out.out, "1000\tfalse\n")
  lu.assertStrContains(out.err, "sockets that end came faster than they were taken: some were lost")
  local _, times = out.err:gsub("some were lost", "")
  lu.assertEquals(times, 2)
  lu.assertEquals(out.code, 130)
end

function TestDestroyed:test_interrupted()
  local out = S.run { "sh", "-c", [[
    "$1" -e 'print("waits") for _ in connsh.destroyed(sockets{lport=1}) do end print("never")' &
    sleep 0.5; kill -INT $!; wait $!; echo "code $?"]], "sh", S.connsh_path() }
  -- sh has commands in the background ignore the signal, which connsh takes all the same
  lu.assertEquals(out.out, "waits\ncode 130\n", out.err)
end

TestDestroy = {}

function TestDestroy:test_one()
  local r = sockets { proto = "tcp", lport = 8600 }:first()
  local done, message, code = connsh.destroy(r)
  if code == 95 then
    S.skip("sockets cannot be closed here: " .. message)
  end
  lu.assertEquals(done, true)
  lu.assertEquals(sockets { lport = 8600, state = "listen" }:count(), 0)
  done, message, code = connsh.destroy(r)
  lu.assertNil(done)
  lu.assertEquals(type(message), "string")
  lu.assertEquals(code, 2)
end

function TestDestroy:test_what_cannot_be_closed()
  local done, message, code = connsh.destroy(sockets { proto = "unix" }:first())
  lu.assertNil(done)
  lu.assertEquals(message, "the kernel closes no unix sockets")
  lu.assertEquals(code, 95)
  fails(function() connsh.destroy(routes:first() or connsh.namespaces) end, "cannot be closed")
  fails(function() connsh.destroy(sockets) end, "record expected")
  fails(function() connsh.destroy() end, "record expected")
end

S.main()
