-- Rows of sockets from files: texts as /proc/net has them and messages as ss -D writes them. What
-- the fields say is what ss prints of the same file, token by token.
-- luacheck: globals sockets count connsh

local lu = require("luaunit")
local S = require("support")

S.inside({ "all" })

-- Lines that make no sense are told on standard error, and here they are many.
connsh.accept_incomplete()

-- ---- what ss prints of a text --------------------------------------------------------------

local names_of_states = {
  established = "ESTAB", close = "UNCONN", listen = "LISTEN", ["syn-sent"] = "SYN-SENT",
  ["syn-recv"] = "SYN-RECV", ["fin-wait-1"] = "FIN-WAIT-1", ["fin-wait-2"] = "FIN-WAIT-2",
  ["time-wait"] = "TIME-WAIT", ["close-wait"] = "CLOSE-WAIT", ["last-ack"] = "LAST-ACK",
  closing = "CLOSING",
}

-- Lines without the blanks that only align them.
local function squeezed(text)
  local lines = {}
  for line in text:gmatch("[^\n]+") do
    lines[#lines + 1] = line:gsub("^ +", ""):gsub(" +", " "):gsub(" $", "")
  end
  return lines
end

-- ss over these files; a name is that of a variable of ss. The rows, as squeezed gives them.
local function ss(options, env)
  local words = { "ss", "-Hn" .. options }
  local result = S.run(words, { env = env })
  lu.assertEquals(result.code, 0, result.err)
  return squeezed(result.out)
end

local function signed(n)
  return n and (n ~ 0x80000000) - 0x80000000 or 0
end

-- The time of a timer, in milliseconds, as ss shows it.
local function clock(ms)
  local s = ms // 1000
  local minutes = s // 60
  ms, s = ms % 1000, s % 60
  local text = ""
  if minutes > 0 then
    ms = 0
    text = minutes .. "min"
    if minutes > 9 then
      s = 0
    end
  end
  if s > 0 then
    if s > 9 then
      ms = 0
    end
    if ms == 0 then
      return text .. s .. "sec"
    end
    return ("%s%d.%03dms"):format(text, s, ms)
  end
  return ms > 0 and ("%s%03dms"):format(text, ms) or text
end

local function end_text(s, addr, port)
  local text = tostring(addr)
  if s.family == "inet6" then
    text = text == "::" and "*" or "[" .. text .. "]"
  end
  if s.proto == "raw" then
    port = addr == s.laddr and s.protocol_number or 0
  end
  return text .. ":" .. (port == 0 and "*" or tostring(port))
end

local function add_timer(tokens, s)
  if not s.timer then
    return
  end
  local known = { on = 1, keepalive = 1, timewait = 1, persist = 1 }
  local repeats = s.timer == "on" and s.retransmits or s.probes
  tokens[#tokens + 1] = ("timer:(%s,%s,%d)"):format(known[s.timer] and s.timer or "unknown",
    clock(math.floor(s.timer_expires * 1000 + 0.5)), signed(repeats))
end

local function add_identity(tokens, s)
  if (s.uid or 0) ~= 0 then
    tokens[#tokens + 1] = "uid:" .. s.uid
  end
  tokens[#tokens + 1] = "ino:" .. (s.inode or 0)
  tokens[#tokens + 1] = ("sk:%x"):format(s.kernel_pointer or 0)
  if s.proc_tail then
    tokens[#tokens + 1] = 'opt:"' .. s.proc_tail .. '"'
  end
end

local function add_number(tokens, form, value, but)
  if value and value ~= 0 and value ~= but then
    tokens[#tokens + 1] = form:format(value)
  end
end

-- Seconds where ss shows milliseconds of other rows, and a bit of a number that is halved.
local function add_info(tokens, s)
  add_number(tokens, "rto:%g", s.rto, 3)
  add_number(tokens, "ato:%g", s.ato)
  add_number(tokens, "qack:%d", s.quick_ack)
  if s.quick_ack and s.quick_ack & 1 == 1 then
    tokens[#tokens + 1] = "bidir"
  end
  add_number(tokens, "cwnd:%d", s.rto == nil and s.cwnd == nil and 2 or s.cwnd)
  add_number(tokens, "ssthresh:%d", s.ssthresh or s.fastopen_backlog)
  add_number(tokens, "retrans:%d/0", s.timer == "on" and s.retransmits or s.probes)
  tokens[#tokens + 1] = "reordering:0"
end

-- A row as ss -oeimO shows it.
local function line_of(s)
  local tokens = {
    names_of_states[s.state] or "UNKNOWN", tostring(signed(s.recvq)), tostring(signed(s.sendq)),
    end_text(s, s.laddr, s.lport), end_text(s, s.raddr, s.rport),
  }
  if s.proto == "tcp" then
    add_timer(tokens, s)
    add_identity(tokens, s)
    add_info(tokens, s)
  end
  return (table.concat(tokens, " "):gsub(" +", " "):gsub(" $", ""))
end

local function lines_of(q)
  local lines = {}
  for s in q do
    lu.assertTrue(s.from_proc)
    lines[#lines + 1] = line_of(s)
  end
  return lines
end

local tables = {
  { "tcp", "inet", "PROC_NET_TCP", "PROC_NET_TCP6", "-taoeimO" },
  { "tcp", "inet6", "PROC_NET_TCP6", "PROC_NET_TCP", "-taoeimO" },
  { "udp", "inet", "PROC_NET_UDP", "PROC_NET_UDP6", "-uaO" },
  { "udp", "inet6", "PROC_NET_UDP6", "PROC_NET_UDP", "-uaO" },
}

local function compare(text, entry)
  local path = S.temporary(text)
  local proto, family, variable, other, options = table.unpack(entry)
  local q = sockets { text = path, proto = proto, family = family }
  local theirs = ss(options:sub(2), { [variable] = path, [other] = "/dev/null" })
  lu.assertEquals(lines_of(q), theirs, text)
  return #theirs, q
end

TestTexts = {}

function TestTexts:test_tables_of_the_kernel()
  for _, entry in ipairs(tables) do
    local file = entry[1] .. (entry[2] == "inet6" and "6" or "")
    lu.assertTrue(compare(connsh.proc("net/" .. file), entry) >= 2, file)
  end
end

local ends = "0: 0100007F:0050 0100007F:C350 "
local full = ends .. "01 00000005:00000006 01:00000064 00000003 1000 7 12345 1 "
  .. "ffff8881012e4c00 21 40 31 11 17"

-- From the state on, columns may be missing.
function TestTexts:test_short_lines()
  local words, lines = {}, { "heading" }
  for word in full:gmatch("%S+") do
    words[#words + 1] = word
    if #words >= 4 then
      lines[#lines + 1] = table.concat(words, " ")
    end
  end
  lu.assertEquals(compare(table.concat(lines, "\n") .. "\n", tables[1]), #words - 3)
end

function TestTexts:test_odd_lines()
  local lines = {
    "01 100000005:FFFFFFFF 01:00000064 00000003 -1 -7 99999999999 -1 xyz 21 40 31 11 17",
    "01 80000000:7FFFFFFF 01:00000064 FFFFFFFF 4294967295 4294967295 4294967295 1 0 0 0 0 0 0",
    "00 0:0 00:0 0 0 0 1 1 0 20 4 30 10 -1",
    "0A 5:6 00:0 0 0 0 1 1 0 20 4 30 10 5",
    "07 5:6 00:0 0 0 0 1 1 0 20 4 30 10 5",
    "01 5:6 00:64 3 0 9 77 1 abc 20 4 30 10 5",
    "01 5:6 03:64 3 0 9 77 1 abc 20 4 30 10 5",
    "01 5:6 04:64 3 0 9 77 1 abc 20 4 30 10 5",
    "01 5:6 05:64 3 0 9 77 1 abc 20 4 30 10 5",
    "01 5:6 101:64 100 0 999 1 1 0 20 4 30 10 5",
    "01 5:6 01:64 0 0 9 1 1 0 20 4 30 10 5 1 2 3 foo=bar",
    "01 5:6 02:64 0 0 9 1 1 ffff 300 4294967296 3000000000 -5 70000",
    "01 5:6 02:64 0 0 9 1 1 -ffff 2.5 4 3 0 0",
    "+1 +5:-6 01:64 3 +5 -9 077 1 0xabc 20 4 30 10 5",
    "01 5 :6 0",
    "01zz 5:6 01:64 3 +5 -9 077 1 0xabc 20 4 30 10 5",
    "01 5:6 01 : 64 3 0 9 77 1 abc 20 4 30 10 5",
    "01 5:6 01:64 3 0x5 9 77 1 abc 20 4 30 10 5",
  }
  local text = "heading\n"
  for _, line in ipairs(lines) do
    text = text .. ends .. line .. "\n"
  end
  -- a slot without its number
  text = text .. full:sub(2) .. "\n"
  lu.assertEquals(compare(text, tables[1]), #lines + 1)
end

function TestTexts:test_timers()
  local text = "heading\n"
  for _, ticks in ipairs {
    0, 1, 99, 100, 150, 999, 1000, 1001, 6000, 6050, 59999, 61000, 720000,
  } do
    text = text .. ends .. ("01 0:0 02:%08X 0 0 3 1 1 0 20 4 30 10 -1\n"):format(ticks)
  end
  lu.assertEquals(compare(text, tables[1]), 13)
end

-- A line that makes no sense ends the text, as it does for ss, and that is told.
function TestTexts:test_senseless_lines()
  for _, bad in ipairs { "", "foo bar", "0: 0100007F:0050", "0 0100007F 0100007F 01" } do
    local n, q = compare("heading\n" .. full .. "\n" .. bad .. "\n" .. full .. "\n", tables[1])
    lu.assertEquals(n, 1)
    lu.assertFalse(q.complete)
    lu.assertEquals(q.warnings, { "line 3 of the text makes no sense among tcp sockets (IPv4): it "
      .. "and what follows is missing" })
  end
  local result = S.connsh("-p", ("count{text=%q, proto='tcp', family='inet'}"):format(
    S.temporary("heading\n" .. full .. "\nx\n")))
  lu.assertEquals({ result.code, result.out }, { 3, "1\n" })
  lu.assertStrContains(result.err, "asked 1 time: line 3 of the text")
end

function TestTexts:test_rows_are_not_joined()
  local path = S.temporary("heading\n" .. (full .. "\n"):rep(3))
  local q = sockets { text = path, proto = "tcp", family = "inet" }
  lu.assertEquals({ #q, q.source, q.complete }, { 3, "file", true })
  lu.assertEquals(count { text = path, proto = "tcp", family = "inet", lport = 81 }, 0)
  lu.assertEquals(count { text = path, proto = "tcp", family = "inet", raddr = "127.0.0.0/8",
    rto = "210ms", { "cwnd", ">", 10 } }, 3)
  local group = q:group("lport"):sum("recvq"):first()
  lu.assertEquals({ group.lport, group.sum }, { 80, 18 })
  lu.assertEquals(#q:where { lport = 80 }:sort("-rport"):limit(2):list(), 2)
  lu.assertStrContains(q:explain(), "reads      " .. path .. ", a text as /proc/net has it")
end

function TestTexts:test_what_tells_fields_of_the_kernel()
  local path = S.temporary("heading\n" .. full .. "\n")
  local s = sockets { text = path, proto = "tcp", family = "inet" }:first()
  lu.assertEquals({ s.interactive, s.quick_ack, s.rto, s.ato, s.cwnd, s.ssthresh, s.refs },
    { true, 15, 0.21, 0.4, 11, 17, 1 })
  lu.assertEquals(s.kernel_pointer, 0xffff8881012e4c00)
  lu.assertNil(s.rtt)
  lu.assertNil(s.cookie)
  for row in sockets { proto = "tcp" } do
    lu.assertNil(row.from_proc)
    lu.assertNil(row.kernel_pointer)
  end
end

-- ---- tables that are not of inet -------------------------------------------------------------

function TestTexts:test_packet()
  local path = S.temporary(connsh.proc("net/packet") .. [[
ffff889 3 10 88cc 9 1 1 4294967295 4294967296
ffff889 3 2 1FFFF -1 1 -5 6 -8
]])
  local theirs, ours = ss("0aemO", { PROC_NET_PACKET = path }), {}
  lu.assertTrue(#theirs > 3)
  for s in sockets { text = path, proto = "packet", ordered = true } do
    lu.assertTrue(s.from_proc)
    local tokens = {
      s.type == "raw" and "p_raw" or "p_dgr", "UNCONN", tostring(signed(s.recvq)), "0",
      "*:" .. (s.dev or "*"), "*",
    }
    add_number(tokens, "uid:%d", s.uid)
    tokens[#tokens + 1] = "ino:" .. (s.inode or 0) .. " sk:0"
    ours[#ours + 1] = table.concat(tokens, " ")
  end
  for i, line in ipairs(theirs) do
    -- protocols have other names there, and devices that are gone a number
    theirs[i] = line:gsub(" %S+:(%S+) %*", " *:%1 *"):gsub("if4294967295", "if-1")
    ours[i] = ours[i] and ours[i]:gsub("if4294967295", "if-1")
  end
  lu.assertEquals(ours, theirs)
end

function TestTexts:test_netlink()
  local path = S.temporary(connsh.proc("net/netlink") .. [[
ab 16 -1 ffffffff 5 6 00000000abcdef 2 7 999
ab 15 12 80000001 1 2 0
ffff8881012e4c00 1 4294967295 1 7 8 9
]])
  local theirs, ours = ss("aeAnetlink", { PROC_NET_NETLINK = path }), {}
  lu.assertTrue(#theirs > 5)
  for s in sockets { text = path, proto = "netlink", ordered = true } do
    ours[#ours + 1] = ("%d %d %s * sk=%x cb=%x groups=0x%08x"):format(s.recvq, s.sendq,
      s.port_id == 0xffffffff and "*" or s.port_id, s.kernel_pointer, s.dump_callback,
      s.groups_mask or 0)
  end
  for i, line in ipairs(theirs) do
    theirs[i] = line:gsub("^UNCONN (%S+ %S+) %d+:", "%1 ")
  end
  lu.assertEquals(ours, theirs)
end

-- ss sorts these by type and inode, and ends a name at its first blank.
function TestTexts:test_unix()
  local path = S.temporary(connsh.proc("net/unix") .. [[
ffff8: 5 0 0 1 1 99 a
ffff8: 00000005 00000000 00000000 0005 04 9 foo
ffff8: 5 0 10000 5 1 77 name
ffff9: 5 0 0 2 1
]])
  local types = { stream = "u_str", dgram = "u_dgr", seqpacket = "u_seq" }
  local states = { unconnected = "UNCONN", connecting = "SYN-SENT", connected = "ESTAB",
    disconnecting = "CLOSING" }
  local theirs, ours = ss("xae", { PROC_NET_UNIX = path }), {}
  lu.assertTrue(#theirs > 8)
  for s in sockets { text = path, proto = "unix", ordered = true } do
    lu.assertTrue(s.from_proc)
    local state = s.state == "listen" and "LISTEN" or states[s.socket_state]
    if s.type == "dgram" and state == "UNCONN" then
      state = "ESTAB"
    end
    ours[#ours + 1] = ("%s %s 0 0 %s %d * 0"):format(types[s.type], state,
      (s.name or "*"):match("^%S+"), s.inode or 0)
  end
  table.sort(ours)
  table.sort(theirs)
  lu.assertEquals(ours, theirs)
end

-- ---- how they are asked for ------------------------------------------------------------------

TestSettings = {}

local function refused(query, pattern)
  local ok, message = pcall(function()
    return count(query)
  end)
  lu.assertFalse(ok)
  lu.assertStrContains(message, pattern)
end

-- What a file tells of may be another socket by now.
function TestSettings:test_nothing_of_a_file_is_closed()
  local path = S.temporary("heading\n" .. full .. "\n")
  local row = sockets({ text = path, proto = "tcp", family = "inet" }):first()
  local ok, message = pcall(connsh.destroy, row)
  lu.assertFalse(ok)
  lu.assertStrContains(message, "destroy: what a file tells of cannot be closed")
end

function TestSettings:test_what_is_refused()
  local path = S.temporary("heading\n" .. full .. "\n")
  refused({ text = path }, 'name it by proto, as in text="/proc/net/tcp"')
  refused({ text = path, proto = "tcp" }, 'name it, family="inet" or family="inet6"')
  refused({ text = path, proto = "mptcp", family = "inet" }, "there are no texts of mptcp")
  refused({ diag = path }, "messages do not tell their protocol")
  refused({ diag = path, proto = "unix" }, "not of unix")
  refused({ diag = path, text = path }, "only one can be named")
  refused({ text = true }, "it is the path of a file, not a boolean")
  refused({ text = "" }, "the path of a file is not empty")
  refused({ text = "a\0b" }, "has no NUL in it")
  refused({ text = path, proto = "tcp", family = "inet", consistent = true },
    "asks the kernel twice")
  refused({ text = path, proto = "tcp", family = "inet", netns = "*" }, "reads one file")
  refused({ { "or", { text = path }, { lport = 1 } } }, "stands outside of or")
  refused({ text = "/nonexistent/t", proto = "tcp", family = "inet" },
    "/nonexistent/t cannot be read: No such file or directory")
  refused({ diag = "/nonexistent/d", proto = "tcp" },
    "/nonexistent/d cannot be read: No such file or directory")
  refused({ text = "/", proto = "tcp", family = "inet" }, "/ cannot be read: Is a directory")
  lu.assertErrorMsgContains("what a file tells of cannot be closed", function()
    sockets { text = path, proto = "tcp", family = "inet", lport = 80 }:destroy()
  end)
end

function TestSettings:test_false_is_none()
  local path = S.temporary("heading\n" .. full .. "\n")
  local q = sockets { text = path, proto = "tcp", family = "inet" }
  lu.assertEquals(#q:where { text = false }, count { proto = "tcp", family = "inet" })
  lu.assertEquals(#q:where { diag = false }, 1)
end

function TestSettings:test_pipes_and_empty_files()
  local folder = os.tmpname()
  os.remove(folder)
  local result = S.run(([[
    mkdir %s && cd %s && mkfifo pipe || exit
    { echo heading; echo '%s'; } >pipe &
    %s -p 'count{text="pipe", proto="tcp", family="inet"}'
    ss -taD saved
    cat saved >pipe &
    %s -p 'count{diag="pipe", proto="tcp"} == count{diag="saved", proto="tcp"}'
    %s -p 'count{text="/dev/null", proto="tcp", family="inet"}'
    rm -r %s
  ]]):format(folder, folder, full, S.connsh_path():gsub("^build", os.getenv("PWD") .. "/build"),
    S.connsh_path():gsub("^build", os.getenv("PWD") .. "/build"),
    S.connsh_path():gsub("^build", os.getenv("PWD") .. "/build"), folder))
  lu.assertEquals({ result.out, result.err }, { "1\ntrue\n0\n", "" })
end

-- ---- messages --------------------------------------------------------------------------------

TestDiag = {}

local extensions = { "meminfo", "skmeminfo", "info", "vegasinfo", "cong" }

-- The messages without what differs each time: the sequence and port numbers of the headers, and
-- of a row its timer (idiag_timer, idiag_retrans and idiag_expires).
local function bare(bytes)
  local parts, at = {}, 1
  while at <= #bytes do
    local len = string.unpack("=I4", bytes, at)
    local head, rest = bytes:sub(at, at + 7), bytes:sub(at + 16, at + len - 1)
    if len > 72 then
      rest = rest:sub(1, 2) .. rest:sub(5, 52) .. rest:sub(57)
    end
    parts[#parts + 1] = head .. rest
    at = at + (len + 3 & ~3)
  end
  return parts
end

local function saved_by_ss(options)
  local path = S.temporary()
  lu.assertEquals(S.run({ "ss", options .. "D", path }).code, 0)
  return path
end

-- nil when ss and we write the same messages, else the number of the first that differs, in hex.
local function saved_differently(options, filter, names)
  local theirs, ours = saved_by_ss(options), S.temporary()
  lu.assertTrue((sockets { proto = "tcp" }:where(filter):save_diag(ours, names)))
  local a, b = bare(S.read_file(ours)), bare(S.read_file(theirs))
  for i = 1, math.max(#a, #b) do
    if a[i] ~= b[i] then
      local function hex(text)
        return text and text:gsub(".", function(c)
          return ("%02x"):format(c:byte())
        end)
      end
      return ("%d of %d and %d:\n%s\n%s"):format(i, #a, #b, hex(a[i]), hex(b[i]))
    end
  end
end

-- Between the two a socket may retransmit or end, so each gets several tries.
function TestDiag:test_save_as_ss_does()
  for _, case in ipairs {
    { "-ta", {} }, { "-ta", {}, {} }, { "-tl", { state = "listen" } },
    { "-ta4", { family = "inet" } }, { "-ta6", { family = "inet6" } },
    { "-tam", {}, { "meminfo", "skmeminfo" } },
    { "-tli", { state = "listen" }, { "info", "vegasinfo", "cong" } },
  } do
    local difference
    for _ = 1, 10 do
      difference = saved_differently(table.unpack(case))
      if not difference then
        break
      end
    end
    lu.assertNil(difference, case[1])
  end
end

function TestDiag:test_ss_reads_what_is_saved()
  local ours = S.temporary()
  lu.assertTrue((sockets { proto = "tcp" }:save_diag(ours, extensions)))
  local theirs = ss("taO", { TCPDIAG_FILE = ours })
  local n = 0
  for s in sockets { diag = ours, proto = "tcp", first_dump = true } do
    n = n + 1
    local row = theirs[n]
    lu.assertStrContains(row, (":%d "):format(s.lport), true)
    lu.assertEquals(s.family, "inet")
    lu.assertNil(s.from_proc)
  end
  lu.assertEquals(n, #theirs)
  lu.assertEquals(n, count { diag = ours, proto = "tcp", family = "inet" })
  lu.assertTrue(n < count { diag = ours, proto = "tcp" })
end

-- What the kernel says of each socket, the file says; through conditions and groups too.
function TestDiag:test_rows_of_a_file()
  local path = S.temporary()
  local _, n = sockets { proto = "tcp" }:save_diag(path, extensions)
  local q = sockets { diag = path, proto = "tcp", ordered = true }
  lu.assertEquals({ #q, q.source, q.complete, #q.warnings }, { n, "file", true, 0 })
  local listed = {}
  for s in sockets { proto = "tcp" } do
    listed[#listed + 1] = s
  end
  local by_cookie = {}
  for s in q do
    by_cookie[s.cookie or 0] = s
  end
  local compared = 0
  for _, s in ipairs(listed) do
    local f = s.cookie and by_cookie[s.cookie]
    if f then
      compared = compared + 1
      for _, name in ipairs { "state", "laddr", "lport", "raddr", "rport", "inode", "uid", "cong",
        "mss", "rcvbuf", "mark", "v6only", "dev", "family" } do
        lu.assertEquals(f[name], s[name], name)
      end
    end
  end
  lu.assertTrue(compared > 5)
  for state, number in pairs { listen = 1, established = 1, ["time-wait"] = 0 } do
    local found = count { diag = path, proto = "tcp", state = state }
    lu.assertEquals(found, #sockets { proto = "tcp", state = state })
    lu.assertTrue(found >= number)
  end
  local sum = 0
  for g in q:group("state"):count() do
    sum = sum + g.count
  end
  lu.assertEquals(sum, n)
end

function TestDiag:test_truncated()
  local path = S.temporary()
  local _, n = sockets { proto = "tcp", family = "inet" }:save_diag(path)
  local bytes = S.read_file(path)
  for _, cut in ipairs { 0, 7, 16, 100, #bytes - 20, #bytes - 21 } do
    local q = sockets { diag = S.temporary(bytes:sub(1, cut)), proto = "tcp" }
    lu.assertTrue(#q <= n)
    lu.assertFalse(q.complete)
    lu.assertStrContains(q.warnings[1], "ends before the end of its list")
  end
  local bad = bytes:sub(1, 4):gsub("^....", "\5\0\0\0") .. bytes:sub(5)
  refused({ diag = S.temporary(bad), proto = "tcp" }, "malformed at byte 0: a message of 5 bytes")
end

-- The code of a failed list may be any number.
function TestDiag:test_list_that_failed()
  for code, pattern in pairs { [-1] = "not permitted", [-5000] = "error 5000",
    [-0x7fffffff] = "error 2147483647", [-0x80000000] = "Bad message" } do
    local path = S.temporary(string.pack("=I4I2I2I4I4i4", 20, 2, 0, 1, 0, code))
    refused({ diag = path, proto = "tcp" }, "the kernel had failed to list what " .. path)
    refused({ diag = path, proto = "tcp" }, pattern)
  end
end

function TestDiag:test_save_fails()
  local tcp = sockets { proto = "tcp" }
  local ok, message, code = tcp:save_diag("/dev/full")
  lu.assertEquals({ ok, message, code },
    { nil, "/dev/full cannot be written: No space left on device", 28 })
  ok, message, code = tcp:save_diag("/nonexistent/x")
  lu.assertEquals({ ok, message, code },
    { nil, "/nonexistent/x cannot be written: No such file or directory", 2 })
  for pattern, q in pairs {
    ["of one: name it"] = sockets, ["no function, distinct"] = tcp:limit(3),
    ["not of unix sockets"] = sockets { proto = "unix" }, ["who holds"] = tcp:where { pid = 1 },
    ["of one namespace"] = tcp:where { netns = "*" },
    ["not a file"] = sockets { proto = "tcp", family = "inet", text = "/proc/net/tcp" },
    ["rows of sockets"] = tcp:group("state"):count(),
  } do
    lu.assertErrorMsgContains(pattern, function()
      q:save_diag("/nonexistent/x")
    end)
  end
  lu.assertErrorMsgContains("did you mean 'skmeminfo'?", function()
    tcp:save_diag("/nonexistent/x", { "skmem" })
  end)
end

function TestDiag:test_standard_output()
  local result = S.connsh("-e", "sockets{proto='tcp', state='listen'}:save_diag('-') print('end')")
  lu.assertEquals(result.code, 0, result.err)
  lu.assertStrMatches(result.out, ".*end\n")
  local path = S.temporary(result.out:sub(1, -5))
  lu.assertEquals(count { diag = path, proto = "tcp" }, count { proto = "tcp", state = "listen" })
end

-- ---- without privilege --------------------------------------------------------------------------

TestUnprivileged = {}

local function as_nobody(command)
  local words = { "setpriv", "--reuid=65534", "--clear-groups" }
  table.move(command, 1, #command, #words + 1, words)
  return S.run(words)
end

function TestUnprivileged:setUp()
  if as_nobody({ "true" }).code ~= 0 then
    S.skip("setpriv cannot become nobody here")
  end
end

-- ss asks /proc for marks then, where they are 0; text does the same.
function TestUnprivileged:test_fallback_of_ss_to_proc()
  local result = as_nobody({ "ss", "-Htan4", "fwmark", "=", "0" })
  local theirs, ours = squeezed(result.out), {}
  lu.assertTrue(#theirs > 5)
  for s in sockets { text = "/proc/net/tcp", proto = "tcp", family = "inet" } do
    ours[#ours + 1] = ("%s %d %d %s %s"):format(names_of_states[s.state], s.recvq, s.sendq or 0,
      end_text(s, s.laddr, s.lport), end_text(s, s.raddr, s.rport))
  end
  table.sort(theirs)
  table.sort(ours)
  lu.assertEquals(ours, theirs)
end

function TestUnprivileged:test_files_take_no_privilege()
  local path = saved_by_ss("-ta")
  S.run({ "chmod", "644", path })
  local probe = as_nobody({ S.connsh_path(), "-e", "" })
  if probe.code ~= 0 then
    S.skip("nobody cannot run connsh here")
  end
  local result = as_nobody({ S.connsh_path(), "-p", ("count{diag=%q, proto='tcp'}")
    :format(path) })
  lu.assertEquals({ result.err, result.code }, { "", 0 })
  lu.assertTrue(tonumber(result.out) > 5)
end

-- ---- connsh.proc -----------------------------------------------------------------------------

TestProc = {}

function TestProc:test_texts()
  lu.assertEquals(connsh.proc("net/sockstat"), S.read_file("/proc/net/sockstat"))
  lu.assertEquals(connsh.proc("sys/net/core/somaxconn"),
    S.read_file("/proc/sys/net/core/somaxconn"))
  lu.assertEquals(connsh.proc("version"), S.read_file("/proc/version"))
  lu.assertNotNil(connsh.proc("net/tcp", tostring(os.getenv("SOCKMAKER_PID"))))
end

function TestProc:test_of_another_namespace()
  local result = S.apart(S.two_namespaces .. [[
    connsh -p 'connsh.proc("net/tcp", "blue"):find(":0051") and 1'
    connsh -p 'connsh.proc("net/tcp"):find(":0051")'
    connsh --netns red -p 'connsh.proc("net/tcp"):find(":0052") and 1'
  ]])
  lu.assertEquals(result.code, 0, result.err)
  lu.assertEquals(result.out, "1\nnil\n1\n")
end

function TestProc:test_failures()
  for _, path in ipairs { "", "/net/tcp", "../etc/passwd", "net/../tcp", "net/..", "..", "a\0b" } do
    local text, message, code = connsh.proc(path)
    lu.assertNil(text)
    lu.assertEquals(code, 22, path)
    lu.assertStrContains(message, "the path of a file below /proc")
  end
  lu.assertEquals(table.pack(connsh.proc("net/nothing")),
    table.pack(nil, "/proc/net/nothing cannot be read: No such file or directory", 2))
  lu.assertEquals(select(3, connsh.proc("net")), 21)
  lu.assertEquals(select(3, connsh.proc("net/tcp", "no-such-namespace")), 2)
  -- two dots in a name lead nowhere
  lu.assertEquals(select(3, connsh.proc("net/..tcp")), 2)
end

S.main()
