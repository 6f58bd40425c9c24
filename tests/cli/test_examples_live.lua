-- Every script of examples/ beside real sockets: its output must hold the right numbers.

local lu = require("luaunit")
local S = require("support")

local folder = (os.getenv("TESTS") or "tests") .. "/../examples/"

-- Runs an example beside sockets; the specs are sockmaker's, the rest its arguments.
local function example(specs, name, ...)
  local what = table.move(specs, 1, #specs, 1, {})
  what.cmd = { S.connsh_path(), folder .. name, ... }
  local result = S.sockmaker(what)
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.code, 0)
  return result.out
end

local web = {
  "addr=10.0.0.1/24", "addr=10.0.0.7/24", "addr=10.0.0.21/24", "listen=10.0.0.1:80",
  "conn=10.0.0.1:80*20,from=10.0.0.7", "conn=10.0.0.1:80*5,from=10.0.0.21",
  -- none of these is a client of port 80
  "conn=10.0.0.1:8080*3", "state=close-wait*2,addr=10.0.0.1:80",
}

TestExamples = {}

function TestExamples:test_clients()
  lu.assertEquals(example(web, "clients.lua", "80"), [[
connections 25
clients     2

  20  10.0.0.7
   5  10.0.0.21
]])
end

function TestExamples:test_clients_lists_as_many_as_asked()
  lu.assertEquals(example(web, "clients.lua", "http", "1"), [[
connections 25
clients     2

  20  10.0.0.7
]])
end

function TestExamples:test_clients_of_nothing()
  lu.assertEquals(example(web, "clients.lua", "81"), "connections 0\nclients     0\n")
end

function TestExamples:test_a_mapped_client_is_its_ipv4_address()
  local specs = {
    "listen=*:80", "conn=127.0.0.1:80*2,from=127.0.0.7", "conn=[::1]:80*3",
  }
  lu.assertEquals(example(specs, "clients.lua", "80"), [[
connections 5
clients     2

   3  ::1
   2  127.0.0.7
]])
end

function TestExamples:test_states()
  local specs = {
    "listen=127.0.0.1:80", "conn=127.0.0.1:80*4", "udpconn=127.0.0.1:53*3",
    "state=close-wait*2,addr=127.0.0.1:8080", "state=time-wait*3,addr=127.0.0.1:8081",
  }
  lu.assertEquals(example(specs, "states.lua"), [[
listen             1
established        8
fin-wait-2         2
close-wait         2
time-wait          3
]])
  lu.assertEquals(example(specs, "states.lua", "80"), [[
listen             1
established        4
]])
end

-- In place of the wait, connections come and go; each chunk runs in the example's own state.
local come_and_go = [[
local wait, round, holder = sleep, 0, nil
function sleep(seconds)
  assert(seconds == 7)
  round = round + 1
  if round == 2 then
    local ready = os.tmpname()
    holder = io.popen("SOCKMAKER_FORCE=1 '" .. os.getenv("SOCKMAKER_FOR_TEST")
      .. "' conn=127.0.0.1:80*3 >" .. ready, "w")
    repeat
      wait(0.01)
      local file = io.open(ready)
      local text = file:read("a")
      file:close()
    until text:find("ready")
    os.remove(ready)
  elseif round == 4 then
    holder:close()
  end
end]]

function TestExamples:test_threshold_says_each_change_once()
  local result = S.sockmaker({
    "listen=127.0.0.1:443", "conn=127.0.0.1:443*9",
    env = { SOCKMAKER_FOR_TEST = S.sockmaker_path() },
    cmd = { S.connsh_path(), "-e", come_and_go, folder .. "threshold.lua", "80", "2", "7", "6" },
  })
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.code, 0)
  local lines = {}
  for line in result.out:gmatch("[^\n]+") do
    lines[#lines + 1] = line:match("^%d+%-%d+%-%d+ %d+:%d+:%d+ (.*)$") or line
  end
  lu.assertEquals(lines, {
    "ALERT: port 80 has 3 connections, more than 2", "resolved: port 80 has 0 connections",
  })
end

function TestExamples:test_threshold_that_is_reached_is_not_passed()
  lu.assertEquals(example(web, "threshold.lua", "80", "25", "0", "3"), "")
  lu.assertStrContains(example(web, "threshold.lua", "80", "24", "0", "3"),
    " ALERT: port 80 has 25 connections, more than 24\n")
end

function TestExamples:test_slow_peers()
  local title = "    rtt ms  retrans  local               remote\n"
  local out = example(web, "slow_peers.lua", "0", "1000")
  lu.assertEquals(out:sub(1, #title), title)
  local last, rows, clients = math.huge, 0, 0
  for line in out:sub(#title + 1):gmatch("[^\n]+") do
    local rtt, laddr, lport = line:match("^ *(%d+%.%d+) +%d+  (%S+) (%d+) +%S+ %d+$")
    lu.assertNotNil(rtt, line)
    lu.assertTrue(tonumber(rtt) <= last, "the slowest come first")
    last, rows = tonumber(rtt), rows + 1
    if laddr == "10.0.0.1" and lport == "80" then
      clients = clients + 1
    end
  end
  -- Both sides of each connection are here.
  lu.assertEquals(rows, 2 * 28)
  lu.assertEquals(clients, 25)
  lu.assertEquals(example(web, "slow_peers.lua", "1h"), title)
end

function TestExamples:test_accept_queues()
  local specs = {
    "noaccept=127.0.0.1:8080*6,backlog=8", "noaccept=127.0.0.1:8081*2,backlog=8",
    "noaccept=127.0.0.1:8082*4,backlog=4", "listen=127.0.0.1:80,backlog=8",
  }
  lu.assertEquals(example(specs, "accept_queues.lua"), [[
waiting  backlog  full  listener
      6        8   75%  127.0.0.1 8080
      4        4  100%  127.0.0.1 8082
]])
  local _, rows = example(specs, "accept_queues.lua", "1"):gsub("127%.0%.0%.1", "")
  lu.assertEquals(rows, 3)
end

function TestExamples:test_close_wait()
  -- sockmaker leaves no listener behind a state: one is added where a server is meant.
  local specs = { "state=close-wait*3,addr=127.0.0.1:8080", "listen=127.0.0.2:8080" }
  lu.assertEquals(example(specs, "close_wait.lua"), "   3  in   8080\n")
  local out = example({ specs[1] }, "close_wait.lua")
  local _, rows = out:gsub("   1  out  127%.0%.0%.1 %d+\n", "")
  lu.assertEquals(rows, 3)
end

function TestExamples:test_missing_arguments_are_said()
  for _, name in ipairs({ "clients.lua", "threshold.lua" }) do
    local result = S.connsh(folder .. name)
    lu.assertEquals(result.code, 2)
    lu.assertEquals(result.out, "")
    lu.assertStrContains(result.err, "usage: connsh " .. name)
  end
end

-- What help() shows is Lua that runs, beside the sockets of the examples.
function TestExamples:test_help_runs()
  local text = S.connsh("-e", "help()").out
  local lines, chunks = text:match("\n\n.*"), {}
  for line in lines:gmatch("[^\n]+") do
    local chunk = line:match("^  (%S.-)%s%s+%S")
    if chunk and not chunk:find("^snapshot") then -- a test of its own, in test_snapshot_live.lua
      chunks[#chunks + 1] = chunk
    end
  end
  lu.assertTrue(#chunks >= 12)
  for _, chunk in ipairs(chunks) do
    local statement = chunk:find("^for ") or chunk:find("^help ") or chunk:find("^ss ")
    local result = S.sockmaker({ web[1], "listen=10.0.0.1:80", cmd = { S.connsh_path(),
      statement and "-e" or "-p", chunk } })
    lu.assertEquals(result.code, 0, chunk .. ": " .. result.err)
  end
end

-- A new example must come with a test of its own.
function TestExamples:test_every_example_is_tested()
  local tested = S.read_file(arg[0])
  local seen = 0
  for path in S.run({ "sh", "-c", "ls " .. S.sh_quote(folder) .. "*.lua" }).out:gmatch("[^\n]+") do
    seen = seen + 1
    lu.assertStrContains(tested, '"' .. path:match("[^/]+$") .. '"')
  end
  lu.assertTrue(seen >= 6)
end

S.main()
