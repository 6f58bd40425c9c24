<<<<<<< HEAD
-- `connsh ss` and the installed ss, beside unix, packet, netlink, raw and mptcp sockets with every
-- kind of name, and all tables at once.

package.path = (os.getenv("TESTS") or "tests") .. "/compat/?.lua;" .. package.path

local S = require("support")
local scenario = require("scenario")
local C = require("compare")

scenario.inside("kinds")

local widths = { false, 80, false, 25, 120, 200, 40, 250, 60 }
local turn = 0

local function all(options, more, cols)
  local list = {}
  for _, option in ipairs(options) do
    for _, extra in ipairs(more) do
      turn = turn + 1
      local width = cols
      if width == nil then
        width = widths[turn % #widths + 1]
      end
      list[#list + 1] = { option .. " " .. extra, { cols = width or nil } }
    end
  end
  C.check_all(list)
end

local details = { "", "-n", "-e", "-m", "-em", "-o", "-i", "-b", "-oemi", "-nO", "-HO", "-eO", "-mO",
  "-emO", "-b -e", "-H", "-emH" }

TestKinds = {}

function TestKinds:test_unix()
  all({ "-x", "-xa", "-xl" }, details)
end

function TestKinds:test_packet()
  all({ "-0", "-0a", "-0l" }, details)
end

function TestKinds:test_netlink()
  all({ "-f netlink", "-a -f netlink" }, details)
end

function TestKinds:test_raw_and_mptcp()
  all({ "-wa", "-Ma", "-M" }, details)
end

function TestKinds:test_everything()
  all({ "", "-a", "-l" }, details)
end

function TestKinds:test_selections()
  all({ "-A unix", "-A unix_stream", "-A u_dgr", "-A u_seq", "-A unix_dgram,unix_seqpacket",
    "-A packet", "-A packet_raw", "-A p_dgr", "-A netlink", "-A vsock", "-A v_str", "-A v_dgr",
    "-A tipc", "-A xdp", "-A all", "-A all,!unix", "-A inet,unix", "--vsock", "--tipc", "--xdp",
    "-f unix", "-f link", "-f vsock", "-f tipc", "-f xdp", "-f netlink -f unix", "-x -0", "-x -t",
    "-tuwx0", "--unix --packet", "-4 -x", "-x -4", "-6 -0", "-u -A unix" }, { "-n", "-an", "-ln" })
end

function TestKinds:test_states()
  all({ "-xn", "-n", "-0n", "-n -f netlink" }, { "state established", "state listening",
    "state closed", "state all", "exclude established", "state connected", "state bucket" })
end

function TestKinds:test_every_width()
  local list = {}
  for cols = 20, 250, 10 do
    list[#list + 1] = { "-xae", { cols = cols } }
    list[#list + 1] = { "-an", { cols = cols } }
    list[#list + 1] = { "-0ae", { cols = cols } }
  end
  C.check_all(list)
end

function TestKinds:test_other_options()
  all({ "-xan", "-0an", "-an -f netlink", "-aMn" }, { "--tos", "--cgroup", "--inet-sockopt", "-r",
    "--tipcinfo", "-T", "-s" }, false)
end

TestZ = {}

function TestZ:test_count()
  C.summary()
=======
-- What ss prints of sockets that few kernels can make: sctp, dccp, raw by sock_diag, vsock, tipc and
-- xdp. A preload library answers the dumps of both programs with the same messages (nlfeed), and
-- they are compared as in test_ss_diag.lua.

local lu = require "luaunit"
local S = require "support"
local here = os.getenv "TESTS" .. "/compat/"
package.path = here .. "?.lua;" .. package.path
local kinds = require "kinds"

local feeder = (os.getenv "BUILD" or "build") .. "/tests/nlfeed.so"
local judge = S.run { "ss", "-V" }

local words = {
  n = "numeric", o = "options", e = "extended", m = "memory", i = "info", O = "oneline", b = "bpf",
  p = "processes", ["--tipcinfo"] = "tipcinfo", ["--inet-sockopt"] = "sockopt", ["--tos"] = "tos",
}

local function lines(text)
  local list = {}
  for line in text:gmatch "([^\n]*)\n" do
    list[#list + 1] = (line:gsub(" +", " "):gsub("^ ", ""):gsub(" $", ""))
  end
  return list
end

local function fed(kind, path, command)
  return S.run {
    "env", "CONNSH_FEED=" .. kind.feed .. ":" .. path, "LD_PRELOAD=" .. feeder,
    table.unpack(command),
  }
end

-- Both print the rows with the options. select: what makes ss list that table, and Netid too.
local function same(name, select, letters, longs)
  if judge.code ~= 0 or not judge.out:find "6%.1%.0" then
    S.skip "the installed ss is not that of iproute2 6.1.0"
  end
  local kind = kinds[name]
  local path = S.temporary(kind.text)
  local theirs = { "ss", "-Ha" .. letters }
  table.move(select, 1, #select, #theirs + 1, theirs)
  table.move(longs, 1, #longs, #theirs + 1, theirs)
  local mine = { S.connsh_path(), here .. "columns.lua", kind.kind, name, "-", "file" }
  if kind.names then
    mine[#mine + 1] = "names=" .. kind.names
  end
  for letter in letters:gmatch "." do
    mine[#mine + 1] = words[letter]
  end
  for _, long in ipairs(longs) do
    mine[#mine + 1] = words[long]
  end
  if letters:find "[eb]" then
    mine[#mine + 1] = "options"
  end
  local title = table.concat(theirs, " ") .. " of " .. name
  local expected, got = fed(kind, path, theirs), fed(kind, path, mine)
  lu.assertEquals(expected.code, 0, title)
  lu.assertEquals(got.code, 0, title .. got.err)
  expected, got = lines(expected.out), lines(got.out)
  lu.assertTrue(#expected > 0, title)
  for i, line in ipairs(expected) do
    lu.assertEquals(got[i], line, title .. ", line " .. i)
  end
  lu.assertEquals(#got, #expected, title)
end

local sets = { "n", "", "no", "ne", "nm", "ni", "nemi", "nemiO", "nepO", "nb" }

local function all(name, select, longs)
  for _, letters in ipairs(sets) do
    same(name, select, letters, {})
    same(name, select, letters, longs)
  end
end

TestKinds = {}

-- With udp beside it, of which a namespace of its own has none, ss shows what each row is.
function TestKinds:test_sctp()
  all("sctp", { "-4", "-Su" }, { "--inet-sockopt" })
end

function TestKinds:test_dccp()
  all("dccp", { "-4", "-dS" }, { "--tos" })
end

function TestKinds:test_raw()
  all("raw", { "-4", "-wS" }, { "--tos" })
end

function TestKinds:test_vsock()
  all("vsock", { "-A", "vsock,udp" }, { "--tos" })
end

function TestKinds:test_tipc()
  for _, letters in ipairs { "n", "e", "O", "eO", "m" } do
    same("tipc", { "-A", "tipc,udp" }, letters, {})
    same("tipc", { "-A", "tipc,udp" }, letters, { "--tipcinfo" })
  end
end

function TestKinds:test_xdp()
  all("xdp", { "-A", "xdp,udp" }, {})
>>>>>>> wip-compat
end

S.main()
