-- destroy: the sockets that match are closed, and no other.
-- luacheck: globals sockets count connsh

local lu = require("luaunit")
local S = require("support")

S.inside({ "all", "listen=127.0.0.1:8600*6,reuseport", "udp=[::1]:8601*3,reuseport" })

local fails = S.fails

-- A kernel without INET_DIAG_DESTROY closes nothing.
local possible, why = pcall(function()
  return sockets { lport = 8600 }:limit(1):destroy()
end)

local at_start = {}
for row in sockets { proto = "tcp" }:group("state"):count() do
  at_start[row.state] = row.count
end

local function needs_destroy()
  if not possible then
    S.skip("sockets cannot be closed here: " .. tostring(why))
  end
end

local function by_cookie(rows)
  local found = {}
  for _, s in ipairs(rows) do
    found[s.cookie] = s
  end
  return found
end

-- The other end of a connection, which gets a reset, is gone or changed, too.
local function is_end_of(s, of)
  return s.lport == of.rport and s.rport == of.lport and s.proto == of.proto
end

-- Closes what q selects: it goes, and nothing else does but its other ends. A udp socket that is
-- bound stays so: the kernel takes its peer only.
local function closes(q, expected, stay)
  local before = by_cookie(sockets:list())
  local wanted = by_cookie(q:list())
  local closed = q:destroy()
  local after = by_cookie(sockets:list())
  lu.assertEquals(#closed, expected)
  for _, s in ipairs(closed) do
    lu.assertNotNil(wanted[s.cookie])
    lu.assertEquals(after[s.cookie] ~= nil, stay ~= nil)
  end
  for cookie, s in pairs(before) do
    local other = false
    for _, gone in pairs(wanted) do
      other = other or is_end_of(s, gone)
    end
    lu.assertTrue(after[cookie] ~= nil or wanted[cookie] ~= nil or other
      or s.state == "time-wait" or s.state == "syn-recv", tostring(s))
  end
  lu.assertEquals(q:count(), stay or 0)
end

TestDestroy = {}

function TestDestroy:setUp()
  needs_destroy()
end

function TestDestroy:test_one_of_those_that_share_a_port()
  closes(sockets { lport = 80, raddr = "127.0.0.7", state = "established" }, 2)
  lu.assertTrue(count { lport = 80, state = "established" } > 5)
  lu.assertEquals(count { lport = 80, state = "listen" }, 2)
end

function TestDestroy:test_listeners_that_share_a_port()
  local q = sockets { lport = 8600, state = "listen" }
  local n = q:count()
  lu.assertEquals(n, 5)
  local cookie = q:list()[3].cookie
  closes(q:where("cookie", cookie), 1)
  lu.assertEquals(q:count(), n - 1)
  lu.assertEquals(#q:limit(2):destroy(), 2)
  lu.assertEquals(q:count(), n - 3)
  lu.assertEquals(#q:sort("-cookie"):limit(1):destroy(), 1)
  closes(q, n - 4)
end

function TestDestroy:test_udp()
  closes(sockets { proto = "udp", lport = 53 }, 1, 1)
  local q = sockets { proto = "udp", laddr = "::1", lport = 8601 }
  for _, s in ipairs(q:list()) do
    closes(q:where("cookie", s.cookie), 1, 1)
  end
  closes(sockets { proto = "udp", state = "established", rport = 5353 }, 3)
end

function TestDestroy:test_ipv6_and_mapped()
  closes(sockets { family = "inet6", lport = 80, state = "established" }, 4)
  lu.assertTrue(count { family = "inet", lport = 80, state = "established" } > 3)
  closes(sockets { laddr = "127.0.0.1", lport = 443, state = "established" }, 2)
  closes(sockets { family = "inet6", proto = "udp", raddr = "127.0.0.1", rport = 5358 }, 1)
  closes(sockets { laddr = "fd00:1::1", lport = 22, state = "listen" }, 1)
end

function TestDestroy:test_by_a_function_and_by_negation()
  closes(sockets:where(function(s) return s.lport == 82 end), 1)
  closes(sockets { { "not", { lport = "0-8999" } }, { "not", { lport = "9018-65535" } },
    state = "listen" }, count { state = "listen", lport = "9000-9017" })
end

function TestDestroy:test_every_state()
  for _, state in ipairs({ "syn-sent", "fin-wait-1", "fin-wait-2", "close-wait", "last-ack",
    "closing" }) do
    local q = sockets { proto = "tcp", state = state }
    -- other ends of those that were closed before are gone already
    lu.assertTrue(at_start[state] > 0, state)
    q:destroy()
    lu.assertEquals(q:count(), 0, state)
  end
end

function TestDestroy:test_nothing_matches()
  lu.assertEquals(sockets { lport = 1 }:destroy(), {})
  lu.assertEquals(sockets { lport = {} }:destroy(), {})
end

-- What is closed by someone else between the list and the request is no failure.
function TestDestroy:test_gone_already()
  local q = sockets { lport = 81, state = "listen" }
  local once = q:where(function() q:destroy() return true end)
  lu.assertEquals(once:destroy(), {})
  lu.assertTrue(once.complete)
end

TestRefused = {}

function TestRefused:test_without_a_condition()
  local n = #sockets
  for _, q in ipairs({
    sockets, sockets(), sockets {}, sockets:limit(1), sockets:sort("lport"),
    sockets:distinct("lport"), sockets { {} }, sockets { "and" }, sockets { "or", {}, {} },
    sockets { "not", { "or" } }, sockets:where({}), sockets { consistent = true },
    sockets { ordered = true }, sockets { netns = "/proc/self/ns/net" },
  }) do
    fails(function() q:destroy() end, "condition")
  end
  lu.assertTrue(math.abs(#sockets - n) < 3)
end

function TestRefused:test_results_cannot_be_closed()
  local q = sockets { lport = 80 }
  for _, made in ipairs({
    q:group("lport"):count(), q:select("lport"), q:join(sockets, "lport"), q:rate(0.1),
  }) do
    fails(function() made:destroy() end, "cannot be closed")
  end
  fails(function() sockets { lport = 80 }:destory() end, "'destory'", "'destroy'")
end

function TestRefused:test_without_the_capability()
  local result = S.run({ "setpriv", "--bounding-set", "-net_admin", S.connsh_path(), "-e",
    'sockets{lport=8080, state="listen"}:destroy() print("went on")' })
  if result.code == 127 or result.err:find("setpriv") then
    S.skip("no setpriv: " .. result.err)
  end
  lu.assertEquals(result.code, 1)
  lu.assertEquals(result.out, "")
  lu.assertStrContains(result.err, "destroy: ")
  lu.assertStrContains(result.err, "CAP_NET_ADMIN")
  lu.assertEquals(count { lport = 8080, state = "listen" }, 1)
end

-- "*" leaves nothing out, so it is no condition.
function TestDestroy:test_all_protocols_are_refused_too()
  lu.assertErrorMsgContains("a condition is needed", function()
    sockets { proto = "*" }:destroy()
  end)
end

S.main()
