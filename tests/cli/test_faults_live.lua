-- What the kernel's answer can suffer on its way, by a preloaded library that spoils it: the
-- program never ends with 0 after an answer that lacks rows.

local lu = require("luaunit")
local S = require("support")

-- Enough rows for several datagrams: K of a mode can be a later one.
S.inside({
  "listen=127.0.0.1:80", "listen=[::1]:80", "conn=127.0.0.1:80*60", "conn=[::1]:80*20",
  "udp=127.0.0.1:53", "udpconn=127.0.0.1:5353*3",
})

local shim = (os.getenv("BUILD") or "build") .. "/tests/nlshim.so"
if not shim:find("^/") then
  shim = os.getenv("PWD") .. "/" .. shim
end

-- connsh under the library in that mode.
local function spoilt(mode, chunk, more)
  local command = { "env", "LD_PRELOAD=" .. shim, "CONNSH_SHIM=" .. mode, S.connsh_path() }
  for _, word in ipairs(more or {}) do
    command[#command + 1] = word
  end
  command[#command + 1] = "-e"
  command[#command + 1] = chunk
  local result = S.run(command, { time_limit = 30 })
  lu.assertNotEquals(result.code, 99, "the library has no mode " .. mode)
  return result
end

local established = 'print(count<state="established", lport=80>)'
local all = "print(#sockets)"
local listed = "print(#sockets:list())"
local looped = "local n = 0 for s in sockets do n = n + 1 end print(n)"

local function whole(chunk)
  local result = S.connsh("-e", chunk)
  lu.assertEquals(result.err, "")
  lu.assertEquals(result.code, 0)
  return result.out
end

local function lines(text)
  return select(2, text:gsub("\n", ""))
end

-- An answer that is right as if nothing had been.
local function right(mode, chunk)
  local result = spoilt(mode, chunk)
  local name = mode .. " " .. chunk .. ": " .. result.err
  lu.assertEquals(result.out, whole(chunk), name)
  lu.assertEquals(result.err, "", name)
  lu.assertEquals(result.code, 0, name)
end

-- An answer that cannot be had: an error, and nothing that looks like one.
local function refused(mode, chunk)
  local result = spoilt(mode, chunk)
  local name = mode .. " " .. chunk .. ": " .. result.err
  lu.assertEquals(result.out, "", name)
  lu.assertEquals(result.code, 1, name)
  lu.assertStrContains(result.err, "connsh: ", name)
end

-- The kernel does not list them, but /proc does: the same answer, and one line that says so.
local function fell_back(mode, chunk)
  local result = spoilt(mode, chunk)
  local name = mode .. " " .. chunk .. ": " .. result.err
  lu.assertEquals(result.out, whole(chunk), name)
  lu.assertEquals(result.code, 0, name)
  lu.assertEquals(lines(result.err), 1, name)
  lu.assertStrContains(result.err, "/proc", name)
  return result
end

-- Printed and said to be incomplete, by one line and the exit code.
local function incomplete(mode, chunk)
  local result = spoilt(mode, chunk)
  local name = mode .. " " .. chunk .. ": " .. result.err
  lu.assertEquals(lines(result.out), 1, name)
  lu.assertEquals(result.code, 3, name)
  lu.assertEquals(lines(result.err), 1, name)
  lu.assertStrContains(result.err, "incomplete", name)
  return result
end

-- Whatever comes, 0 means the right answer.
local function honest(mode, chunk)
  local result = spoilt(mode, chunk)
  local name = mode .. " " .. chunk .. ": " .. tostring(result.code) .. " " .. result.err
  if result.code == 0 then
    lu.assertEquals(result.out, whole(chunk), name)
  else
    lu.assertTrue(result.code == 1 or result.code == 3, name)
    lu.assertTrue(#result.err > 0, name)
  end
  return result
end

TestInterrupted = {}

function TestInterrupted:test_once_is_repeated()
  for _, mode in ipairs({ "intr", "intr:2", "intr-done", "intr-done:2" }) do
    right(mode, established)
    right(mode, all)
    right(mode, listed)
  end
end

function TestInterrupted:test_explain_says_that_it_asked_again()
  local result = spoilt("intr", "local q = sockets<lport=80> q:count() print(q:explain())")
  lu.assertEquals(result.code, 0)
  lu.assertStrContains(result.out, "asked 2 times")
end

function TestInterrupted:test_for_ever_is_incomplete()
  for _, chunk in ipairs({ established, all, listed }) do
    local result = incomplete("intr:1:0", chunk)
    lu.assertEquals(result.out, whole(chunk))
  end
  incomplete("intr-done:1:0", all)
end

function TestInterrupted:test_a_loop_is_incomplete()
  local result = incomplete("intr", looped)
  lu.assertEquals(result.out, whole(looped))
end

function TestInterrupted:test_accepted_by_the_script()
  local result = spoilt("intr:1:0", "connsh.accept_incomplete() " .. established)
  lu.assertEquals(result.code, 0)
  lu.assertEquals(result.out, whole(established))
  lu.assertEquals(result.err, "")
  result = spoilt("intr:1:0", "connsh.accept_incomplete() local q = sockets<lport=80> "
    .. "q:count() print(q.complete, #q.warnings)")
  lu.assertEquals(result.out, "false\t1\n")
end

function TestInterrupted:test_an_error_after_it_wins()
  local result = spoilt("intr:1:0", all .. " error('mine')")
  lu.assertEquals(result.code, 1)
  lu.assertStrContains(result.err, "mine")
end

TestFailures = {}

-- Every way to ask, first and later datagram, once and always.
local function in_every_way(check, mode)
  for _, chunk in ipairs({ established, all, listed, looped }) do
    check(mode, chunk)
    check(mode .. ":1:0", chunk)
  end
  check(mode .. ":2", all)
end

function TestFailures:test_error_in_done()
  in_every_way(refused, "done-error")
end

function TestFailures:test_no_buffer_space()
  in_every_way(refused, "enobufs")
end

function TestFailures:test_no_memory()
  in_every_way(refused, "enomem")
end

function TestFailures:test_end_of_file()
  in_every_way(refused, "eof")
end

function TestFailures:test_end_is_missing()
  in_every_way(refused, "drop-done")
end

function TestFailures:test_truncated()
  in_every_way(refused, "trunc")
end

function TestFailures:test_bad_length()
  in_every_way(refused, "len")
end

function TestFailures:test_wrong_sequence()
  in_every_way(refused, "seq")
end

function TestFailures:test_permission()
  for _, chunk in ipairs({ established, all, listed, looped }) do
    fell_back("errmsg:1:0", chunk)
    honest("errmsg", chunk)
    honest("errmsg:2", chunk)
  end
end

function TestFailures:test_error_names_what_was_asked()
  local result = spoilt("errmsg:1:0", all)
  lu.assertStrContains(result.err, "tcp sockets, udp sockets were read from /proc")
  lu.assertStrContains(result.err, "ermi")
  result = spoilt("enobufs", all)
  lu.assertStrContains(result.err, "buffer")
end

function TestFailures:test_an_error_can_be_caught()
  local result = spoilt("enobufs", "print(pcall(count, {lport=80})) print(count<lport=80>)")
  lu.assertEquals(result.code, 0)
  lu.assertStrContains(result.out, "false\t")
  lu.assertEquals(result.out:match("([^\n]*\n)$"), whole("print(count<lport=80>)"))
end

-- A datagram that is not the kernel's is no part of the answer: what it displaced is missing,
-- so the kernel is asked again where nothing was handed out yet.
function TestFailures:test_foreign_sender_once()
  for _, chunk in ipairs({ established, all, listed }) do
    honest("sender", chunk)
  end
  lu.assertNotEquals(honest("sender", looped).code, 0)
end

function TestFailures:test_foreign_sender_always()
  local result = spoilt("sender:1:0", established)
  lu.assertEquals(result.out, "")
  lu.assertEquals(result.code, 1)
  lu.assertTrue(#result.err > 0)
end

function TestFailures:test_interrupted_system_call()
  for _, chunk in ipairs({ established, all, listed, looped }) do
    right("eintr", chunk)
    right("eintr:2", chunk)
    right("eintr:1:20", chunk)
  end
end

TestRefusedProgram = {}

function TestRefusedProgram:test_filters_here()
  right("einval", established)
  right("einval", 'print(count<lport>=1024, state="established">)')
end

function TestRefusedProgram:test_explain_says_so()
  local chunk = 'local q = sockets<lport=80, state="established"> print(#q) print(q:explain())'
  local result = spoilt("einval", chunk)
  lu.assertEquals(result.code, 0, result.err)
  lu.assertEquals(result.out:match("^[^\n]*\n"), whole(established))
  lu.assertStrContains(result.out, "refused")
  lu.assertNotStrContains(S.connsh("-e", chunk).out, "refused")
end

-- A kernel without the request that lists both families at once.
function TestRefusedProgram:test_one_pass_for_both_families()
  for _, mode in ipairs({ "einval", "errmsg" }) do
    for _, chunk in ipairs({ all, listed, looped }) do
      right(mode, chunk)
    end
    right(mode .. ":1:2", established)
    right(mode .. ":1:2", 'print(count<lport>=1024, proto="tcp">)')
  end
end

-- Refused with the program and without, so it was not for the program.
function TestRefusedProgram:test_the_program_comes_back()
  local chunk = 'local q = sockets<lport=80, state="established", proto="tcp"> print(#q) '
    .. 'print(q:explain()) print(q.rows == #q)'
  local result = spoilt("einval:1:2", chunk)
  lu.assertEquals(result.code, 0, result.err)
  lu.assertEquals(result.out:match("^[^\n]*\n"), whole(established))
  lu.assertNotStrContains(result.out, "refused")
  lu.assertStrContains(result.out, "4 dumps")
  lu.assertStrContains(result.out, "\ntrue\n")
end

function TestRefusedProgram:test_always_is_no_list_at_all()
  fell_back("einval:1:0", established)
end

TestAttributes = {}

local by_attribute = {
  "print(count<rtt=true>)", "print(count<mark=0>)", "print(#sockets<rcvbuf>0, proto='tcp'>:list())",
}

function TestAttributes:test_bad_ones_are_no_silent_loss()
  for _, mode in ipairs({ "short-attr", "bad-attr" }) do
    for _, chunk in ipairs(by_attribute) do
      incomplete(mode .. ":1:0", chunk)
      honest(mode, chunk)
    end
  end
end

function TestAttributes:test_a_loop_over_a_bad_one()
  for _, mode in ipairs({ "short-attr", "bad-attr" }) do
    local result = incomplete(mode, "local n = 0 for s in sockets<state='established', "
      .. "proto='tcp', rtt=true> do n = n + 1 end print(n)")
    lu.assertTrue(tonumber(result.out) > 100, result.out)
  end
end

function TestAttributes:test_no_matter_where_none_is_used()
  for _, mode in ipairs({ "short-attr", "bad-attr" }) do
    honest(mode, established)
    honest(mode, all)
  end
end

-- A record that is asked for more: the fault hits the request for one socket too.
function TestAttributes:test_reading_more_of_a_record()
  local chunk = "for s in sockets<lport=80, state='established'> do local _ = s.rtt end print(1)"
  for _, mode in ipairs({ "short-attr:1:0", "bad-attr:1:0", "len:2:0", "trunc:2:0", "eof:2:0" }) do
    local result = honest(mode, chunk)
    lu.assertNil(result.signal, mode)
  end
end

TestMade = {}

-- Whatever the kernel's order: that of a merged dump is another.
local in_order = 'sockets:sort("proto", "lport", "rport", "laddr")'
local columns = '{columns = "proto,lport,rport,laddr"}'

-- What is read whole before its first row leaves.
local made = {
  group = 'for r in sockets:group("lport", "state"):count():sort("lport", "state") do '
    .. 'print(r.lport, r.state, r.count) end',
  sums = 'local q = sockets{proto="tcp"} '
    .. 'print(q:sum("recvq"), q:avg("uid"), q:max("rport"))',
  sort = 'for s in sockets:sort("lport", "-rport") do print(s.lport, s.rport) end',
  top = 'for s in sockets:top(3, "lport") do print(s.lport, s.count) end',
  distinct = 'print(sockets:distinct("laddr", "lport"):count())',
  select = 'print(#sockets:select("lport", {"f", function(s) return s.rport end}):list())',
  join = 'print(#sockets{lport=80}:join(sockets{rport=80}, {lport="rport", rport="lport"}))',
  joined = 'local q = sockets{state="listen"}:join(sockets{state="established"}, "lport") '
    .. 'for r in q:group("lport"):count() do print(r.lport, r.count) end',
  rate = 'print(sockets{lport=80, state="established"}:rate(0.05):count())',
  rated = 'for r in sockets{proto="tcp"}:group("state"):rate(0.05) do print(r.state, r.count) end',
  table = "print(" .. in_order .. ":table" .. columns .. ")",
  vertical = "print(sockets:limit(1000):vertical" .. columns .. ")",
  csv = "print(sockets:csv" .. columns .. ")",
  json = "print(sockets:json" .. columns .. ")",
}

-- What is written row after row to a stream cannot be begun again.
local streamed = {
  vertical = "sockets:vertical(io.stdout)",
  file = "sockets:tsv{file = io.stdout, columns = 'proto,lport,rport'}",
  query = "print(sockets:where('lport', 80):csv(io.stdout))",
}

-- Printed whole, but nobody can know: one line on standard error, and exit code 3.
local function flagged(mode, chunk)
  local result = spoilt(mode, chunk)
  local name = mode .. " " .. chunk .. ": " .. result.err
  lu.assertEquals(result.out, whole(chunk), name)
  lu.assertEquals(result.code, 3, name)
  lu.assertStrContains(result.err, "incomplete", name)
  lu.assertEquals(lines(result.err), select(2, result.err:gsub("connsh: ", "")), name)
  return result
end

function TestMade:test_once_is_repeated()
  for _, chunk in pairs(made) do
    for _, mode in ipairs({ "intr", "intr:2", "intr:3", "intr-done", "intr-done:2" }) do
      right(mode, chunk)
    end
  end
end

function TestMade:test_for_ever_is_flagged()
  for _, chunk in pairs(made) do
    flagged("intr:1:0", chunk)
  end
end

function TestMade:test_streams_are_whole_or_flagged()
  for _, chunk in pairs(streamed) do
    for k = 1, 4 do
      local result = honest("intr:" .. k, chunk)
      lu.assertEquals(result.out, whole(chunk), chunk)
    end
    flagged("intr:1:0", chunk)
  end
end

-- Each question asks five times at most, however many stages repeat.
function TestMade:test_five_times_at_most()
  for _, name in ipairs({ "group", "sort", "top", "join", "rate" }) do
    local result = flagged("intr:1:0", made[name])
    local times = tonumber(result.err:match("asked (%d+) time"))
    lu.assertTrue(times and times <= 5, result.err)
  end
end

function TestMade:test_failures_leave_no_answer()
  for _, mode in ipairs({ "enobufs", "eof", "trunc", "len", "seq", "done-error" }) do
    for _, name in ipairs({ "group", "sort", "join", "rate", "rated", "table", "sums" }) do
      refused(mode, made[name])
    end
  end
end

function TestMade:test_zero_means_right()
  for _, mode in ipairs({ "intr", "drop-done", "enobufs", "errmsg", "sender", "bad-attr" }) do
    for k = 1, 4 do
      for _, name in ipairs({ "group", "join", "rate", "table" }) do
        local result = honest(mode .. ":" .. k, made[name])
        lu.assertNil(result.signal, mode .. ":" .. k .. name)
      end
    end
  end
end

function TestMade:test_from_the_command_line()
  local function asked(mode, format)
    return spoilt(mode, "", { "-q", 'sockets:sort("lport", "-rport")', "-o", format, "--columns",
      "lport,rport" })
  end
  for _, format in ipairs({ "table", "json", "csv" }) do
    local expected = S.connsh("-q", 'sockets:sort("lport", "-rport")', "-o", format, "--columns",
      "lport,rport").out
    local result = asked("intr", format)
    lu.assertEquals({ result.out, result.err, result.code }, { expected, "", 0 })
    result = asked("intr:1:0", format)
    lu.assertEquals({ result.out, result.code }, { expected, 3 })
  end
end

TestLeftEarly = {}

-- What is read whole is known to be flagged at its first row: leaving then hides nothing, and a
-- loop that runs to its end says it once.
function TestLeftEarly:test_flagged_all_the_same()
  for _, chunk in ipairs({
    "for _ in sockets:top(1, 'lport') do break end", "local _ = sockets:sort('lport'):first()",
    "sockets:group('state'):count():each(function() return false end)",
    "for _ in sockets:group('state'):count() do end",
  }) do
    local result = spoilt("intr:1:0", chunk)
    lu.assertEquals(result.code, 3, chunk)
    lu.assertEquals(lines(result.err), 1, chunk .. result.err)
  end
end

-- A field that is asked for later and cannot be had is an error, not an absence, and can be asked
-- for again.
function TestLeftEarly:test_later_fields()
  local chunk = [[
    local list, kept = sockets{state="established", proto="tcp"}:list(), {}
    for i = 1, 20 do kept[i] = io.open("/dev/null") end
    print(pcall(function() return list[2].rtt end))
    for _, file in pairs(kept) do file:close() end
    print(list[2].rtt ~= nil)]]
  local result = S.run("ulimit -n 12; exec " .. S.sh_quote(S.connsh_path()) .. " -e "
    .. S.sh_quote(chunk))
  lu.assertStrMatches(result.out, "false\t[^\n]*Too many open files\ntrue\n")
  lu.assertEquals(result.code, 0)
end

TestEveryDatagram = {}

-- The K-th datagram, whichever it is, in all modes: no way to end with 0 and another number.
function TestEveryDatagram:test_zero_means_right()
  local modes = {
    "intr", "done-error", "drop-done", "seq", "len", "short-attr", "bad-attr", "trunc",
    "errmsg", "einval", "enobufs", "enomem", "eintr", "eof",
  }
  for _, mode in ipairs(modes) do
    for k = 1, 4 do
      for _, chunk in ipairs({ established, looped, by_attribute[1] }) do
        local result = honest(mode .. ":" .. k, chunk)
        lu.assertNil(result.signal, mode .. ":" .. k)
      end
    end
  end
end

S.main()
