-- Fields of sockets that only ss needs to the letter: the setting verbatim, keys of TCP MD5, and
-- what kernel TLS tells of sending without copies. The rows are files of messages (diagfile.lua).
-- luacheck: globals sockets

local lu = require "luaunit"
local S = require "support"
package.path = os.getenv "TESTS" .. "/compat/?.lua;" .. package.path
local D = require "diagfile"
local A = D.attr

local function first(row, settings)
  local path = S.temporary ""
  D.write(path, { row })
  settings = settings or {}
  settings.proto, settings.diag = "tcp", path
  return assert(sockets(settings):first())
end

TestVerbatim = {}

function TestVerbatim:test_listeners()
  local row = {
    state = 10, lport = 80,
    attrs = { { A.info, D.tcp_info { unacked = 3, sacked = 128, snd_cwnd = 10 } } },
  }
  local s = first(row)
  lu.assertNil(s.unacked)
  lu.assertNil(s.cwnd)
  s = first(row, { verbatim = true })
  lu.assertEquals({ s.unacked, s.sacked, s.cwnd, s.rtt }, { 3, 128, 10 })
end

function TestVerbatim:test_time_wait()
  local row = { state = 6, timer = 3, uid = 0, retrans = 0 }
  lu.assertNil(first(row).uid)
  lu.assertEquals(first(row, { verbatim = true }).uid, 0)
  row = { state = 1, timer = 0, retrans = 4, attrs = { { A.cgroup, string.pack("<i8", 0) } } }
  lu.assertNil(first(row).timer_retrans)
  lu.assertNil(first(row).cgroup_id)
  lu.assertEquals(first(row, { verbatim = true }).timer_retrans, 4)
  lu.assertEquals(first(row, { verbatim = true }).cgroup_id, 0)
  -- what has a meaning is the same
  row.attrs = { { A.cgroup, string.pack("<i8", 7) } }
  lu.assertEquals(first(row).cgroup_id, 7)
end

-- A dump can have a row twice: then there are two.
function TestVerbatim:test_doubles_of_the_kernel()
  local feeder = (os.getenv "BUILD" or "build") .. "/tests/nlfeed.so"
  local row = D.message { state = 1, lport = 1, cookie = 5, inode = 5 }
  local path = S.temporary(row .. row)
  local function count(more)
    local result = S.run { "env", "CONNSH_FEED=2.6:" .. path, "LD_PRELOAD=" .. feeder,
      S.connsh_path(), "-e", "print(sockets{proto='tcp', family='inet', ordered=true" ..
        more .. "}:count())" }
    lu.assertEquals(result.code, 0, result.err)
    return result.out
  end
  lu.assertEquals(count "", "1\n")
  lu.assertEquals(count ", verbatim=true", "2\n")
end

TestMd5 = {}

function TestMd5:test_keys()
  local s = first { attrs = { { A.info, D.tcp_info {} }, {
    A.md5, D.md5key("\10\0\0\1", 24, "secret\0\255") ..
      D.md5key("\32\1" .. ("\0"):rep(13) .. "\9", 128, ""),
  } } }
  lu.assertEquals(s.md5_keys, 2)
  lu.assertEquals(s.md5_peers, { "10.0.0.1/24", "2001::9/128" })
  lu.assertEquals(s.md5_secrets, { "secret\0\255", "" })
  lu.assertNil(first({}).md5_peers)
end

-- A key that says to be longer than its room ends there; half an entry is none.
function TestMd5:test_damaged()
  local key = D.md5key("\10\0\0\1", 24, ("k"):rep(80))
  local long = key:sub(1, 2) .. "\255\255" .. key:sub(5)
  local s = first { attrs = { { A.md5, long .. key:sub(1, 60) } } }
  lu.assertEquals(s.md5_secrets, { ("k"):rep(80) })
  lu.assertEquals(s.md5_peers, { "10.0.0.1/24" })
  lu.assertNil(first({ attrs = { { A.md5, key:sub(1, 99) } } }).md5_secrets)
  lu.assertNil(first({ attrs = { { A.md5, "\99" .. key:sub(2) } } }).md5_peers)
end

TestTls = {}

function TestTls:test_zerocopy()
  local function with(parts)
    local ulp = D.nest { { 1, "tls\0" }, { 2, D.nest(parts) } }
    return first({ attrs = { { A.ulp, ulp } } }).tls_zerocopy
  end
  lu.assertEquals(with { { 1, string.pack("<I2", 0x303) }, { 5, "" } }, true)
  lu.assertEquals(with { { 1, string.pack("<I2", 0x303) } }, false)
  lu.assertNil(first({ attrs = { { A.ulp, D.nest { { 1, "mptcp\0" } } } } }).tls_zerocopy)
  lu.assertNil(first({}).tls_zerocopy)
end

TestProtocols = {}

function TestProtocols:test_numbers()
  local text = "header\n0: 00000000:003A 00000000:0000 07 00000000:00000000 00:00000000 "
    .. "00000000 0 0 5 2 0 0\n"
  local path = S.temporary(text)
  local s = sockets({ proto = "raw", family = "inet", text = path }):first()
  lu.assertEquals({ s.protocol_number, s.lport }, { 58 })
  s = sockets({ proto = "raw", family = "inet", text = path, verbatim = true }):first()
  lu.assertEquals({ s.protocol_number, s.lport }, { 58, 58 })
  lu.assertNil(first({}).protocol_number)
end

S.main()
