-- What ss prints of each attribute of a tcp socket, and at its boundaries: files of messages that
-- no kernel sends, read by the installed ss and by `connsh ss` (TCPDIAG_FILE).

local lu = require "luaunit"
local S = require "support"
package.path = os.getenv "TESTS" .. "/compat/?.lua;" .. package.path
local D = require "diagfile"
local J = require "judge"
local A = D.attr

local sets = {
  "", "Hn", "no", "Hno", "Hne", "nm", "Hni", "noi", "Hi", "HiO", "nemi", "HnemiO",
}
local longs = { "-t", "--tos", "--cgroup", "--inet-sockopt" }

local function compare(rows, some)
  for i, row in ipairs(rows) do
    row.cookie = row.cookie or i
  end
  local path = S.temporary ""
  D.write(path, rows)
  local settings = { "TCPDIAG_FILE=" .. path }
  J.each(some or sets, { "-t" }, settings)
  J.each({ "Hn", "ne", "HnemiO" }, longs, settings)
end

-- ---- rows ----------------------------------------------------------------------------------

local full = {
  state = 1, ca_state = 0, backoff = 2, options = 0x7f, wscale = 0x7a, app_limited = 1,
  rto = 204000, ato = 40000, snd_mss = 1448, rcv_mss = 536, unacked = 3, sacked = 2, lost = 1,
  retrans = 4, fackets = 5, last_data_sent = 1, last_ack_sent = 2, last_data_recv = 3,
  last_ack_recv = 4, pmtu = 65535, rcv_ssthresh = 64088, rtt = 700123, rttvar = 250,
  snd_ssthresh = 20, snd_cwnd = 10, advmss = 65483, reordering = 5, rcv_rtt = 1234567,
  rcv_space = 65495, total_retrans = 6, pacing_rate = 123456789, max_pacing_rate = 987654321,
  bytes_acked = 7, bytes_received = 8, segs_out = 9, segs_in = 10, notsent = 11, min_rtt = 12,
  data_segs_in = 13, data_segs_out = 14, delivery_rate = 15, busy_time = 123456,
  rwnd_limited = 1234, sndbuf_limited = 5000, delivered = 16, delivered_ce = 17, bytes_sent = 18,
  bytes_retrans = 19, dsack_dups = 20, reord_seen = 21, rcv_ooopack = 22, snd_wnd = 23,
  rcv_wnd = 24, rehash = 25,
}

local function with(changes)
  local all = {}
  for name, value in pairs(full) do
    all[name] = value
  end
  for name, value in pairs(changes) do
    all[name] = value
  end
  return all
end

local function info_row(members, more)
  local attrs = { { A.info, D.tcp_info(members) } }
  for _, attr in ipairs(more or {}) do
    attrs[#attrs + 1] = attr
  end
  return { attrs = attrs }
end

local boundaries = {
  B = { 0, 1, 3, 10, 0x7f, 0xff },
  I4 = {
    0, 1, 3, 999, 1000, 65534, 65535, 65536, 3000000, 1234567, 0x7fffffff, 0x80000000, 0xffffffff,
  },
  i8 = {
    0, 1, 999, 1000, 124999, 125000, 999499999, 1 << 32, 1 << 40, (1 << 53) + 1, math.maxinteger,
    math.mininteger, -1,
  },
}

-- Times are seconds to the library, exact to the microsecond for 285 years.
local microseconds = { 0, 1, 999, 1000, 1500, 999999, 1 << 32, (1 << 40) + 1, 1 << 50 }

local function boundaries_of(name)
  if name == "busy_time" or name == "rwnd_limited" or name == "sndbuf_limited" then
    return microseconds
  end
  return boundaries[D.info_places[name][2]]
end

local members = {}
for name in pairs(D.info_places) do
  members[#members + 1] = name
end
table.sort(members)

TestInfo = {}

-- Each member alone, and among others, at its boundaries.
function TestInfo:test_members()
  local rows = {}
  for _, name in ipairs(members) do
    for _, value in ipairs(boundaries_of(name)) do
      rows[#rows + 1] = info_row { [name] = value }
      rows[#rows + 1] = info_row(with { [name] = value })
    end
  end
  compare(rows)
end

-- Older kernels have a shorter struct.
function TestInfo:test_lengths()
  local rows = {}
  for _, size in ipairs { 4, 8, 60, 84, 92, 100, 104, 120, 136, 144, 148, 152, 160, 168, 192, 200,
    216, 224, 232, 240, 248 } do
    rows[#rows + 1] = { attrs = { { A.info, D.tcp_info(full, size) }, { A.cong, "reno\0" } } }
  end
  rows[#rows + 1] = { attrs = { { A.info, D.tcp_info(full, 280) } } }
  compare(rows)
end

-- A listener's queue is in unacked and sacked.
function TestInfo:test_states()
  local rows = {}
  for state = 1, 11 do
    rows[#rows + 1] = info_row(full)
    rows[#rows].state = state
    rows[#rows + 1] = { state = state, uid = 1000, retrans = 3 }
    rows[#rows + 1] = { state = state, timer = 3, retrans = 255, expires = 59999, uid = 4294967295 }
  end
  compare(rows)
end

function TestInfo:test_rates()
  local rows = {}
  for _, rtt in ipairs { 0, 1, 7, 999, 123456, 0xffffffff } do
    for _, cwnd in ipairs { 0, 1, 10, 0xffffffff } do
      for _, mss in ipairs { 0, 1, 1448, 0xffffffff } do
        rows[#rows + 1] = info_row { rtt = rtt, snd_cwnd = cwnd, snd_mss = mss }
      end
    end
  end
  for _, busy in ipairs { 0, 1, 999, 1000, 3333333, 1 << 40 } do
    for _, part in ipairs { 0, 1, 1000, 1111111, 1 << 39 } do
      rows[#rows + 1] = info_row { busy_time = busy, rwnd_limited = part }
      rows[#rows + 1] = info_row { busy_time = busy, sndbuf_limited = part }
      rows[#rows + 1] = info_row { busy_time = busy, rwnd_limited = part, sndbuf_limited = 77 }
    end
  end
  for _, rate in ipairs(boundaries.i8) do
    for _, most in ipairs { 0, 5, -1 } do
      rows[#rows + 1] = info_row { pacing_rate = rate, max_pacing_rate = most }
    end
  end
  for _, again in ipairs { 0, 1, 0xffffffff } do
    for _, total in ipairs { 0, 1, 0xffffffff } do
      rows[#rows + 1] = info_row { retrans = again, total_retrans = total }
    end
  end
  compare(rows)
end

TestCongestion = {}

function TestCongestion:test_algorithms()
  local rows = {}
  local base = { rtt = 1000, snd_cwnd = 10, snd_mss = 1000 }
  for _, name in ipairs { "", "x", "cubic", "a%sb", "fifteen_letters" } do
    rows[#rows + 1] = info_row(base, { { A.cong, name .. "\0" } })
    rows[#rows + 1] = { attrs = { { A.cong, name .. "\0" } } }
  end
  for _, enabled in ipairs { 0, 1 } do
    for _, rtt in ipairs { 0, 1, 50000, 0x7ffffffe, 0x7fffffff, 0xffffffff } do
      rows[#rows + 1] = info_row(base, { { A.vegas, D.words(enabled, 3, rtt, 40000) } })
      rows[#rows + 1] = info_row({}, { { A.vegas, D.words(enabled, 3, rtt, 40000) } })
      rows[#rows + 1] = info_row({ snd_cwnd = 10, snd_mss = 1000 }, {
        { A.vegas, D.words(enabled, 3, rtt, 40000) },
      })
    end
    for _, n in ipairs { 0, 1, 0xffffffff } do
      rows[#rows + 1] = info_row(base, {
        { A.dctcp, string.pack("<I2I2I4I4I4", enabled, n & 1, n, n, n) },
      })
    end
  end
  for _, bw in ipairs { 0, 1, 1 << 31, 1 << 40, -1 } do
    for _, rtt in ipairs { 0, 1, 1250, 0xffffffff } do
      for _, gain in ipairs { 0, 1, 256, 739, 0xffffffff } do
        local bbr = string.pack("<i8I4I4I4", bw, rtt, gain, gain)
        rows[#rows + 1] = info_row(base, { { A.bbr, bbr } })
      end
    end
  end
  compare(rows)
end

TestHead = {}

function TestHead:test_addresses()
  local rows = {}
  local addresses = {
    "::", "::1", "fe80::1", "2001:db8::ff:0:1", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::1.2.3.4",
    "1:2:3:4:5:6:7:8", "ff02::1",
  }
  for _, state in ipairs { 1, 7, 10 } do
    for _, dev in ipairs { 0, 1, 77 } do
      for _, here_ in ipairs(addresses) do
        for _, v6only in ipairs { "", "\0", "\1" } do
          rows[#rows + 1] = {
            v6 = true, state = state, laddr = here_, raddr = addresses[(#rows % #addresses) + 1],
            lport = #rows, rport = #rows % 3 * 30000, ifindex = dev,
            attrs = v6only ~= "" and { { A.v6only, v6only } } or nil,
          }
        end
      end
      for _, four in ipairs { "0.0.0.0", "127.0.0.1", "255.255.255.255" } do
        rows[#rows + 1] = {
          state = state, laddr = four, raddr = four, lport = #rows, rport = #rows % 3 * 20000,
          ifindex = dev, attrs = { { A.v6only, "\1" } },
        }
      end
    end
  end
  compare(rows)
end

-- Names of services; those in the range of local ports have none.
function TestHead:test_ports()
  local rows = {}
  for _, port in ipairs { 0, 1, 7, 22, 53, 80, 443, 514, 873, 2049, 5432, 6000, 8080, 31999, 32767,
    32768, 33000, 44321, 60999, 61000, 65535 } do
    rows[#rows + 1] = { lport = port, rport = port }
    rows[#rows + 1] = { v6 = true, lport = port, rport = 80 }
  end
  compare(rows, { "", "n", "Hn" })
end

function TestHead:test_queues()
  local rows = {}
  for _, n in ipairs { 0, 1, 99999, 100000, 9999999, 0x7fffffff, 0x80000000, 0xffffffff } do
    rows[#rows + 1] = { rqueue = n, wqueue = 0 }
    rows[#rows + 1] = { rqueue = 1, wqueue = n, state = 10 }
  end
  compare(rows, { "", "n", "Hn" })
end

function TestHead:test_timers()
  local rows = {}
  for _, timer in ipairs { 0, 1, 2, 3, 4, 5, 6, 9, 255 } do
    for _, ms in ipairs { 0, 1, 10, 99, 100, 999, 1000, 1001, 1500, 9000, 9990, 9999, 10000, 10500,
      59999, 60000, 60001, 60500, 61000, 69500, 70000, 599999, 600000, 600001, 601000, 7200000,
      0x7fffffff } do
      rows[#rows + 1] = { timer = timer, expires = ms, retrans = ms % 256 }
    end
  end
  compare(rows, { "", "Hn", "no", "Hne", "o", "eO" })
end

TestExtended = {}

function TestExtended:test_identity()
  local rows = {}
  for _, n in ipairs { 0, 1, 1000, 0x7fffffff, 0xffffffff } do
    rows[#rows + 1] = { uid = n, inode = n, cookie = n << 32 | 5 }
    rows[#rows + 1] = { uid = 1, cookie = -5 - n, attrs = { { A.mark, D.words(n) } } }
    rows[#rows + 1] = { attrs = { { A.class_id, D.words(n) } } }
    rows[#rows + 1] = { attrs = { { A.cgroup, string.pack("<I8", n) } } }
  end
  for byte = 0, 255, 5 do
    rows[#rows + 1] = {
      attrs = { { A.tos, string.char(byte) }, { A.tclass, string.char(255 - byte) } },
    }
    rows[#rows + 1] = { attrs = { { A.tclass, string.char(byte) } }, v6 = true }
  end
  for down = 0, 3 do
    rows[#rows + 1] = { attrs = { { A.shutdown, string.char(down) } } }
    rows[#rows + 1] = {
      v6 = true, attrs = { { A.shutdown, string.char(down) }, { A.v6only, "\0" } },
    }
  end
  compare(rows)
end

function TestExtended:test_socket_options()
  local rows = {}
  for bit = 0, 15 do
    rows[#rows + 1] = { attrs = { { A.sockopt, string.pack("<I2", 1 << bit) } } }
    rows[#rows + 1] = { attrs = { { A.sockopt, string.pack("<I2", 0xffff ~ 1 << bit) } } }
  end
  rows[#rows + 1] = { attrs = { { A.sockopt, "\0\0" } } }
  compare(rows)
end

function TestExtended:test_memory()
  local rows = {}
  for _, n in ipairs { 0, 1, 131072, 0xffffffff } do
    rows[#rows + 1] = { attrs = { { A.skmem, D.words(n, 1, n, 2, n, 3, n) } } }
    rows[#rows + 1] = { attrs = { { A.skmem, D.words(1, n, 2, n, 3, n, 4, n) } } }
    rows[#rows + 1] = { attrs = { { A.skmem, D.words(1, 2, 3, 4, 5, 6, 7, 8, n) } } }
    rows[#rows + 1] = { attrs = { { A.skmem, D.words(1, 2, 3, 4, 5, 6, 7, 8, 9, n) } } }
    rows[#rows + 1] = { attrs = { { A.meminfo, D.words(n, 1, 2, n) } } }
    rows[#rows + 1] = { attrs = {
      { A.meminfo, D.words(9, 9, 9, 9) }, { A.skmem, D.words(1, n, 2, n, 3, n, 4) },
    } }
  end
  compare(rows)
end

TestUpper = {}

-- ss writes the keys where it is, before the table.
function TestUpper:test_md5()
  local rows = {}
  for _, key in ipairs { "", "key", "a b\\,\1\127\200\255", ("x"):rep(80) } do
    rows[#rows + 1] = { attrs = { { A.md5, D.md5key("\10\0\0\1", 32, key) } } }
    rows[#rows + 1] = info_row(full, { { A.md5, D.md5key(("\0"):rep(16), 0, key) ..
      D.md5key(("\32\1"):rep(8), 128, key) } })
  end
  compare(rows)
end

function TestUpper:test_tls()
  local rows = {}
  local function row(parts)
    rows[#rows + 1] = { attrs = { { A.ulp, D.nest { { 1, "tls\0" }, { 2, D.nest(parts) } } } } }
  end
  local function short(n)
    return string.pack("<I2", n)
  end
  for version = 0x302, 0x305 do
    row { { 1, short(version) } }
  end
  for cipher = 49, 60 do
    row { { 1, short(0x304) }, { 2, short(cipher) } }
  end
  for conf = 0, 6 do
    row { { 1, short(0x303) }, { 2, short(51) }, { 3, short(conf) }, { 4, short(6 - conf) } }
  end
  row { { 1, short(0x303) }, { 3, short(3) }, { 5, "" } }
  row { { 5, "" }, { 6, "" } }
  row {}
  rows[#rows + 1] = { attrs = { { A.ulp, D.nest { { 1, "espintcp\0" } } } } }
  compare(rows)
end

function TestUpper:test_subflows()
  local rows = {}
  for bit = 0, 9 do
    local all = {
      { 1, D.words(bit) }, { 2, D.words(0xabcdef01 + bit) }, { 3, D.words(bit) },
      { 4, string.pack("<i8", bit == 0 and 0 or -bit) }, { 5, D.words(bit * 0x10000001) },
      { 6, D.words(bit) }, { 7, string.pack("<I2", bit * 7000) }, { 8, D.words(1 << bit) },
      { 9, string.char(bit) }, { 10, string.char(255 - bit) },
    }
    rows[#rows + 1] = { attrs = { { A.ulp, D.nest { { 1, "mptcp\0" }, { 3, D.nest(all) } } } } }
  end
  compare(rows)
end

TestAtRandom = {}

-- Rows with any of the attributes and any values.
function TestAtRandom:test_rows()
  math.randomseed(5)
  local rows = {}
  local function any(list)
    return list[math.random(#list)]
  end
  local function word()
    return math.random(3) == 1 and any(boundaries.I4) or math.random(0, 0xffff)
  end
  for i = 1, 400 do
    local chosen = {}
    for _, name in ipairs(members) do
      if math.random(3) == 1 then
        chosen[name] = any(boundaries_of(name))
      end
    end
    local attrs = {}
    local function maybe(type, bytes)
      if math.random(2) == 1 then
        attrs[#attrs + 1] = { type, bytes }
      end
    end
    maybe(A.info, D.tcp_info(chosen))
    maybe(A.cong, any { "bbr", "reno", "dctcp" } .. "\0")
    maybe(A.vegas, D.words(math.random(0, 1), 1, word(), word()))
    maybe(A.dctcp, string.pack("<I2I2I4I4I4", math.random(0, 1), 1, word(), word(), word()))
    maybe(A.bbr, D.words(word(), word(), word(), word(), word()))
    maybe(A.skmem, D.words(word(), word(), word(), word(), word(), word(), word(), word(), word()))
    maybe(A.tos, string.char(math.random(0, 255)))
    maybe(A.mark, D.words(word()))
    maybe(A.shutdown, string.char(math.random(0, 3)))
    maybe(A.sockopt, string.pack("<I2", math.random(0, 0x7ff)))
    maybe(A.v6only, string.char(math.random(0, 1)))
    rows[i] = {
      v6 = math.random(2) == 1, state = math.random(11), timer = math.random(0, 6),
      expires = word(), retrans = math.random(0, 255), rqueue = word(), wqueue = word(),
      uid = word(), inode = word(), lport = math.random(0, 65535), rport = math.random(0, 65535),
      laddr = nil, ifindex = math.random(0, 1), attrs = attrs,
    }
  end
  compare(rows)
end

TestZCount = {}

-- Of the tests in front of it, by name: runs of both programs, each with tens to hundreds of rows.
function TestZCount:test_enough()
  lu.assertTrue(J.compared == 0 or J.compared >= 200, J.compared)
end

S.main()
