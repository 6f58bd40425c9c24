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
end

S.main()
