-- The source `sockets` beside one socket of every kind: what connsh says is what ss says.
-- luacheck: globals sockets count connsh

local lu = require("luaunit")
local S = require("support")

S.inside({ "all" })

local states_of_ss = {
  ESTAB = "established", UNCONN = "close", LISTEN = "listen", ["SYN-SENT"] = "syn-sent",
  ["SYN-RECV"] = "syn-recv", ["FIN-WAIT-1"] = "fin-wait-1", ["FIN-WAIT-2"] = "fin-wait-2",
  ["TIME-WAIT"] = "time-wait", ["CLOSE-WAIT"] = "close-wait", ["LAST-ACK"] = "last-ack",
  CLOSING = "closing",
}

local wildcard = { inet = "0.0.0.0", inet6 = "::" }

-- What ss lists of one protocol and family, as records have it.
local function rows_of_ss(proto, family, more)
  local option = (family == "inet" and "-4" or "-6")
  local rows = S.ss({ option, proto == "tcp" and "-t" or "-u", more or "-a" })
  for _, row in ipairs(rows) do
    row.proto, row.family = proto, family
    row.state = states_of_ss[row.state] or row.state
    row.laddr = row.laddr == "*" and wildcard[family] or row.laddr
    row.raddr = row.raddr == "*" and wildcard[family] or row.raddr
    row.lport = row.lport == "*" and 0 or row.lport
    row.rport = row.rport == "*" and 0 or row.rport
  end
  return rows
end

local function all_of_ss(more)
  local all = {}
  for _, proto in ipairs({ "tcp", "udp" }) do
    for _, family in ipairs({ "inet", "inet6" }) do
      local rows = rows_of_ss(proto, family, more)
      table.move(rows, 1, #rows, #all + 1, all)
    end
  end
  return all
end

local compared = {
  "proto", "state", "laddr", "lport", "raddr", "rport", "recvq", "sendq", "family", "dev",
}

local function key_of(row)
  local parts = {}
  for i, name in ipairs(compared) do
    parts[i] = tostring(row[name])
  end
  return table.concat(parts, " ")
end

-- A sorted list of lines: equal lists are equal multisets.
local function keys_of(rows)
  local keys = {}
  for i, row in ipairs(rows) do
    keys[i] = key_of(row)
  end
  table.sort(keys)
  return keys
end

local function is_mapped(address)
  return address:lower():find("^::ffff:%d+%.") ~= nil
end

-- ss row by cookie, from `sk:HEX`.
local function by_cookie(rows)
  local found = {}
  for _, row in ipairs(rows) do
    local hex = row.rest:match("%f[%w]sk:(%x+)")
    if hex then
      found[tonumber(hex, 16)] = row
    end
  end
  return found
end

local function token(row, pattern)
  return tonumber((row.rest:match(pattern)))
end

TestRows = {}

function TestRows:test_every_row_is_as_ss_lists_it()
  local expected = keys_of(all_of_ss())
  lu.assertTrue(#expected > 80, "sockmaker made too few sockets: " .. #expected)
  lu.assertEquals(keys_of(sockets:list()), expected)
end

function TestRows:test_every_row_of_each_protocol_and_family()
  for _, proto in ipairs({ "tcp", "udp" }) do
    for _, family in ipairs({ "inet", "inet6" }) do
      local expected = keys_of(rows_of_ss(proto, family))
      lu.assertTrue(#expected > 0)
      local q = sockets { proto = proto, family = family }
      lu.assertEquals(keys_of(q:list()), expected)
      lu.assertEquals(q:count(), #expected)
    end
  end
end

function TestRows:test_a_loop_gives_what_a_list_gives()
  local rows = {}
  for s in sockets do
    rows[#rows + 1] = s
  end
  lu.assertEquals(keys_of(rows), keys_of(sockets:list()))
end

function TestRows:test_cookies_are_those_of_ss_and_none_comes_twice()
  local rows, seen = sockets:list(), {}
  local theirs = by_cookie(all_of_ss("-ae"))
  for _, s in ipairs(rows) do
    lu.assertNil(seen[s.cookie], "twice: " .. tostring(s))
    seen[s.cookie] = true
    lu.assertNotNil(theirs[s.cookie], "ss has no " .. tostring(s))
    theirs[s.cookie] = nil
  end
  lu.assertNil(next(theirs))
end

TestCounts = {}

local function tally(rows)
  local counts = {}
  for _, row in ipairs(rows) do
    local kind = is_mapped(row.laddr) and "mapped" or row.family
    local name = row.proto .. " " .. row.state .. " " .. kind
    counts[name] = (counts[name] or 0) + 1
  end
  return counts
end

function TestCounts:test_by_state_and_family()
  local expected = tally(all_of_ss())
  local kinds = {
    inet = { family = "inet" },
    inet6 = { family = "inet6", { "not", { laddr = "0.0.0.0/0" } } },
    mapped = { family = "inet6", laddr = "0.0.0.0/0" },
  }
  local nonzero = 0
  for _, proto in ipairs({ "tcp", "udp" }) do
    for _, state in pairs(states_of_ss) do
      for kind, filter in pairs(kinds) do
        local name = proto .. " " .. state .. " " .. kind
        local n = count(sockets { proto = proto, state = state }(filter))
        lu.assertEquals(n, expected[name] or 0, name)
        nonzero = nonzero + (n > 0 and 1 or 0)
      end
    end
  end
  lu.assertTrue(nonzero >= 20, "few states were there to compare: " .. nonzero)
end

function TestCounts:test_every_tcp_state_is_there()
  for _, state in pairs(states_of_ss) do
    if state ~= "close" then
      for _, family in ipairs({ "inet", "inet6" }) do
        local n = count { proto = "tcp", state = state, family = family }
        lu.assertTrue(n > 0, state .. " " .. family)
      end
    end
  end
end

-- Bound and not connected: in no list but that of its own state, since Linux 6.8.
function TestCounts:test_bound_sockets_count_when_named_only()
  local rows = sockets { state = "bound-inactive" }:list()
  if #rows == 0 then
    S.skip("this kernel lists no bound sockets")
  end
  local known = {}
  for s in sockets do
    known[s.cookie] = true
  end
  for _, s in ipairs(rows) do
    lu.assertEquals(s.state, "bound-inactive")
    lu.assertNil(known[s.cookie], tostring(s))
    lu.assertTrue(s.lport > 0)
  end
end

function TestCounts:test_states_add_up()
  local sum = 0
  for _, state in pairs(states_of_ss) do
    sum = sum + count { state = state }
  end
  lu.assertEquals(sum, #sockets)
end

function TestCounts:test_established_on_a_port()
  local tcp = S.ss({ "-t", "state", "established", "sport", "=", ":80" })
  lu.assertTrue(#tcp > 5)
  lu.assertEquals(count { state = "established", lport = 80 }, #tcp)
  local selector = 'return count<state="established", lport=80>'
  lu.assertEquals(assert(load(selector))(), #tcp)
end

function TestCounts:test_other_families_do_not_count()
  lu.assertTrue(#S.ss("-wa") > 0, "no raw socket to be left out")
  lu.assertTrue(#S.ss("-xa") > 0, "no unix socket to be left out")
  lu.assertTrue(#S.ss("-0a") > 0, "no packet socket to be left out")
  lu.assertEquals(#sockets, #S.ss("-tua"))
  lu.assertEquals(#sockets, count { proto = "tcp" } + count { proto = "udp" })
  for s in sockets do
    lu.assertTrue(s.proto == "tcp" or s.proto == "udp", tostring(s))
  end
end

function TestCounts:test_subflows_of_mptcp_are_tcp_rows()
  local subflows = S.ss({ "-ta", "sport", "=", ":5370" })
  if #subflows == 0 then
    S.skip("no mptcp in this kernel")
  end
  lu.assertEquals(count { lport = 5370 }, #subflows)
end

function TestCounts:test_udplite_does_not_count()
  lu.assertEquals(count { lport = { 5360, 5361 } }, 0)
end

TestFields = {}

-- What `ss -e` and `ss -m` say of every socket, whatever it is.
local function check_common(s, row)
  local name = tostring(s)
  local ss_uid = token(row, "%f[%w]uid:(%d+)")
  local inode = token(row, "%f[%w]ino:(%d+)")
  lu.assertEquals(s.inode or 0, inode or 0, name)
  lu.assertEquals(s.dev, row.dev, name)
  lu.assertEquals(s.mark or 0, tonumber(row.rest:match("fwmark:(0x%x+)") or "0"), name)
  if s.timer == "timewait" or s.state == "syn-recv" then
    lu.assertNil(s.uid, name)
  else
    lu.assertEquals(s.uid, ss_uid or 0, name)
  end
  lu.assertEquals(s.cgroup, row.rest:match("cgroup:(%S+)"), name)
  local v6only = row.rest:match("v6only:(%d)")
  if v6only then
    lu.assertEquals(s.v6only, v6only == "1", name)
  end
end

local function check_timer(s, row)
  local name, _, retrans = row.rest:match("timer:%((%a+),([^,]*),(%d+)%)")
  if s.state == "syn-sent" or s.state == "syn-recv" then
    return -- it may fire between the two looks
  end
  if name == "keepalive" or name == "timewait" then
    lu.assertEquals(s.timer, name, tostring(s))
    lu.assertEquals(s.timer_retrans, tonumber(retrans), tostring(s))
    lu.assertTrue(s.timer_expires >= 0 and s.timer_expires <= 7200, tostring(s))
  elseif not name then
    lu.assertNil(s.timer, tostring(s))
    lu.assertNil(s.timer_expires, tostring(s))
  end
  return name
end

local skmem_fields = {
  { "rmem", "r(%d+)" }, { "rcvbuf", "rb(%d+)" }, { "wmem", "t(%d+)" }, { "sndbuf", "tb(%d+)" },
  { "fwd_alloc", "f(%d+)" }, { "wmem_queued", "w(%d+)" }, { "optmem", "o(%d+)" },
  { "backlog_mem", "bl(%d+)" },
}

local function check_skmem(s, row)
  local text = row.rest:match("skmem:(%b())")
  if not text then
    lu.assertNil(s.rcvbuf, tostring(s))
    return false
  end
  for _, pair in ipairs(skmem_fields) do
    local expected = tonumber(text:match("[(,]" .. pair[2] .. "[,)]"))
    lu.assertEquals(s[pair[1]], expected, pair[1] .. " of " .. tostring(s) .. text)
  end
  -- a peer that repeats itself makes more of them
  lu.assertTrue(s.drops >= tonumber(text:match("d(%d+)%)")), tostring(s) .. text)
  return true
end

-- A connection in which nothing moves: no timer runs, so two looks see the same.
local function is_still(s, row)
  return s.state == "established" and not s.timer and not row.rest:find("timer:")
end

local function check_tcp_info(s, row)
  local name = tostring(s) .. " " .. row.rest
  local rtt, rttvar = row.rest:match("%f[%w]rtt:([%d.]+)/([%d.]+)")
  if rtt then
    lu.assertAlmostEquals(s.rtt, tonumber(rtt) / 1000, 1e-9, name)
    lu.assertAlmostEquals(s.rttvar, tonumber(rttvar) / 1000, 1e-9, name)
  end
  lu.assertEquals(s.cwnd, token(row, "%f[%w]cwnd:(%d+)"), name)
  lu.assertEquals(s.mss, token(row, "%f[%w_]mss:(%d+)"), name)
  lu.assertEquals(s.rcv_mss, token(row, "rcvmss:(%d+)"), name)
  lu.assertEquals(s.advmss, token(row, "advmss:(%d+)"), name)
  lu.assertEquals(s.pmtu, token(row, "pmtu:(%d+)"), name)
  lu.assertEquals(s.ssthresh, token(row, "%f[%w_]ssthresh:(%d+)"), name)
  lu.assertAlmostEquals(s.rto, token(row, "%f[%w]rto:([%d.]+)") / 1000, 1e-4, name)
  local zero_if_absent = {
    bytes_sent = "bytes_sent", bytes_acked = "bytes_acked", bytes_received = "bytes_received",
    segs_out = "%f[%w_]segs_out", segs_in = "%f[%w_]segs_in", data_segs_out = "data_segs_out",
    data_segs_in = "data_segs_in", unacked = "unacked",
  }
  for field, pattern in pairs(zero_if_absent) do
    lu.assertEquals(s[field], token(row, pattern .. ":(%d+)") or 0, field .. " " .. name)
  end
  local min_rtt = token(row, "minrtt:([%d.]+)")
  if min_rtt then
    lu.assertAlmostEquals(s.min_rtt, min_rtt / 1000, 1e-9, name)
  end
  lu.assertStrContains(" " .. row.rest .. " ", " " .. s.cong .. " ")
end

function TestFields:test_of_tcp_against_ss()
  local theirs = by_cookie(all_of_ss("-aeim"))
  local seen = { rows = 0, still = 0, skmem = 0 }
  for s in sockets { proto = "tcp" } do
    local row = theirs[s.cookie]
    lu.assertNotNil(row, tostring(s))
    check_common(s, row)
    local timer = check_timer(s, row)
    seen[timer or "none"] = true
    if s.state == "listen" or is_still(s, row) then
      seen.skmem = seen.skmem + (check_skmem(s, row) and 1 or 0)
    end
    if is_still(s, row) then
      check_tcp_info(s, row)
      seen.still = seen.still + 1
    end
    seen.rows = seen.rows + 1
  end
  lu.assertTrue(seen.rows > 60 and seen.still > 20 and seen.skmem > 30)
  lu.assertTrue(seen.keepalive and seen.timewait and seen.none)
end

function TestFields:test_of_udp_against_ss()
  local theirs = by_cookie(all_of_ss("-aem"))
  local rows = 0
  for s in sockets { proto = "udp" } do
    local row = theirs[s.cookie]
    lu.assertNotNil(row, tostring(s))
    check_common(s, row)
    lu.assertTrue(check_skmem(s, row))
    lu.assertNil(s.rtt)
    lu.assertNil(s.cong)
    rows = rows + 1
  end
  lu.assertTrue(rows >= 14)
end

function TestFields:test_marks_and_owners_were_there_to_see()
  lu.assertTrue(count { mark = 5 } > 0)
  lu.assertTrue(count { mark = 3, proto = "udp" } > 0)
  -- a namespace of an ordinary user may have no other user than itself
  local others = 0
  for _, row in ipairs(all_of_ss("-ae")) do
    others = others + (row.rest:find("%f[%w]uid:1000%f[%D]") and 1 or 0)
  end
  lu.assertEquals(count { uid = 1000 }, others)
  lu.assertTrue(count { dev = "lo" } > 0)
  lu.assertTrue(count { cong = "reno" } > 0)
  lu.assertTrue(count { tos = 8 } > 0)
  lu.assertTrue(count { recvq = 500 } > 0)
end

function TestFields:test_no_uid_where_the_kernel_knows_none()
  for _, state in ipairs({ "time-wait", "syn-recv" }) do
    local rows = sockets { state = state }:list()
    lu.assertTrue(#rows > 0, state)
    for _, s in ipairs(rows) do
      lu.assertNil(s.uid, tostring(s))
      lu.assertNil(s.user, tostring(s))
      lu.assertNil(s.inode, tostring(s))
    end
    lu.assertEquals(count { state = state, uid = 0 }, 0)
    lu.assertEquals(count { state = state, uid = false }, #rows)
    lu.assertEquals(count { state = state, { "uid", "!=", 0 } }, 0)
  end
end

function TestFields:test_user_is_the_name_of_uid()
  local s = sockets { uid = 0, state = "established" }:first()
  lu.assertEquals(s.user, "root")
  lu.assertEquals(count { user = "root" }, count { uid = 0 })
end

function TestFields:test_of_a_listener()
  local rows = sockets { state = "listen", proto = "tcp" }:list()
  for _, s in ipairs(rows) do
    lu.assertNil(s.rtt, tostring(s))
    lu.assertEquals(s.backlog, s.sendq)
    lu.assertEquals(s.accept_queue, s.recvq)
    lu.assertEquals(s.rport, 0)
    lu.assertNotNil(s.inode)
  end
  local v4 = sockets { state = "listen", lport = 84, family = "inet" }:first()
  lu.assertEquals(v4.accept_queue, 3)
  local v6 = sockets { state = "listen", lport = 84, family = "inet6" }:first()
  lu.assertEquals(v6.accept_queue, 2)
  lu.assertEquals(sockets { state = "listen", lport = 82 }:first().backlog, 5)
  local only = sockets { state = "listen", lport = 81 }:first()
  lu.assertTrue(only.v6only)
  lu.assertFalse(sockets { state = "listen", lport = 8080 }:first().v6only)
end

function TestFields:test_queues_of_a_listener_are_nil_elsewhere()
  for s in sockets { state = "established" } do
    lu.assertNil(s.backlog)
    lu.assertNil(s.accept_queue)
  end
  lu.assertEquals(count { backlog = true }, count { state = "listen" })
end

TestMapped = {}

function TestMapped:test_prefix_of_ipv4_finds_mapped_addresses()
  local rows = sockets { raddr = "127.0.0.0/8", family = "inet6" }:list()
  lu.assertTrue(#rows > 0)
  for _, s in ipairs(rows) do
    lu.assertTrue(is_mapped(s.raddr), s.raddr)
  end
  local expected = 0
  for _, row in ipairs(all_of_ss()) do
    local address = is_mapped(row.raddr) and row.raddr:sub(8) or row.raddr
    expected = expected + (address:find("^127%.") and 1 or 0)
  end
  lu.assertEquals(count { raddr = "127.0.0.0/8" }, expected)
end

function TestMapped:test_an_address_finds_both_forms()
  local both = count { laddr = "127.0.0.1", lport = 443 }
  lu.assertTrue(both > 0)
  lu.assertEquals(count { laddr = "::ffff:127.0.0.1", lport = 443 }, both)
  lu.assertEquals(count { laddr = "::ffff:127.0.0.0/104", lport = 443 }, both)
  lu.assertEquals(count { laddr = "127.0.0.1" }, count { laddr = "::ffff:127.0.0.1" })
end

TestLoops = {}

-- The loop reads what the query did not ask for.
function TestLoops:test_fields_that_no_condition_names()
  local n = 0
  for s in sockets { state = "established", proto = "tcp", lport = 80 } do
    lu.assertNotNil(s.rtt, tostring(s))
    lu.assertNotNil(s.cong)
    lu.assertNotNil(s.rcvbuf)
    lu.assertNotNil(s.tos or s.tclass)
    n = n + 1
  end
  lu.assertEquals(n, count { state = "established", proto = "tcp", lport = 80 })
end

-- The first rows of a loop were listed without what the loop turns out to read.
function TestLoops:test_first_rows_of_every_kind()
  for _, proto in ipairs({ "udp", "tcp" }) do
    for s in sockets { proto = proto, state = { "established", "listen", "close" } } do
      local again = sockets { proto = proto, { "cookie", "=", s.cookie } }:first()
      lu.assertNotNil(again.rcvbuf, tostring(s))
    end
  end
end

-- Sockets that share address and port (SO_REUSEPORT) differ in the cookie only.
function TestLoops:test_sockets_that_share_a_port()
  for _, filter in ipairs({ { proto = "tcp", lport = 8081 }, { proto = "udp", lport = 5356 } }) do
    local rows = sockets(filter):list()
    lu.assertEquals(#rows, 2)
    for _, s in ipairs(rows) do
      lu.assertNotNil(s.rcvbuf, tostring(s))
    end
  end
end

function TestLoops:test_records_outlive_their_loop()
  local kept = {}
  for s in sockets { state = "established", proto = "tcp", lport = 80 } do
    kept[#kept + 1] = s
  end
  collectgarbage()
  for _, s in ipairs(kept) do
    lu.assertEquals(s.lport, 80)
    lu.assertNotNil(s.rtt)
  end
end

-- A list of records is made anew each time that it is read: tables of their fields instead.
local function contents(value)
  if type(value) ~= "table" and type(value) ~= "userdata" then
    return value
  end
  local copy = {}
  for k, v in pairs(value) do
    copy[k] = contents(v)
  end
  return copy
end

function TestLoops:test_pairs_walks_in_declared_order()
  local order = {}
  for i, field in ipairs(connsh.fields(sockets)) do
    order[field.name] = i
  end
  local some = {
    sockets { state = "listen" }:first(), sockets { state = "established", lport = 80 }:first(),
    sockets { proto = "udp" }:first(), sockets { state = "time-wait" }:first(),
  }
  lu.assertEquals(#some, 4)
  for _, s in ipairs(some) do
    local last, n = 0, 0
    for name, value in pairs(s) do
      lu.assertTrue(order[name] > last, name)
      lu.assertEquals(contents(value), contents(s[name]))
      lu.assertNotNil(value)
      last, n = order[name], n + 1
    end
    for name in pairs(order) do
      n = n - (s[name] ~= nil and 1 or 0)
    end
    lu.assertEquals(n, 0, tostring(s))
  end
end

function TestLoops:test_unknown_fields_raise_and_suggest()
  local s = sockets:first()
  local ok, message = pcall(function() return s.lprt end)
  lu.assertFalse(ok)
  lu.assertStrContains(message, "'lprt'")
  lu.assertStrContains(message, "'lport'")
  ok, message = pcall(function() s.lport = 1 end)
  lu.assertFalse(ok)
  lu.assertStrContains(message, "cannot be changed")
end

function TestLoops:test_fields_are_declared_whole()
  local names = {}
  for _, field in ipairs(connsh.fields(sockets)) do
    lu.assertNil(names[field.name], "twice: " .. field.name)
    names[field.name] = true
    lu.assertTrue(#field.doc > 5 and #field.type > 0 and #field.takes > 0, field.name)
  end
end

S.main()
