-- What ss prints of sockets that few kernels can make: sctp, dccp, raw by sock_diag, vsock, tipc
-- and xdp. A preload library answers the dumps of both programs with the same messages (nlfeed).

local S = require "support"
package.path = os.getenv "TESTS" .. "/compat/?.lua;" .. package.path
local D = require "diagfile"
local J = require "judge"
local kinds = require "kinds"

local feeder = (os.getenv "BUILD" or "build") .. "/tests/nlfeed.so"

local function all(name, arguments, sets)
  local path = S.temporary(kinds[name].text)
  J.each(sets, arguments,
    { "CONNSH_FEED=" .. kinds[name].feed .. ":" .. path, "LD_PRELOAD=" .. feeder })
end

local sets = { "n", "", "Hno", "ne", "Hnmi", "nemi", "HnemiO", "nepO", "nb" }

TestKinds = {}

-- With udp beside it, of which a namespace of its own has none, ss shows what each row is.
function TestKinds:test_sctp()
  all("sctp", { "-4", "-S" }, sets)
  all("sctp", { "-4", "-Su", "--inet-sockopt" }, sets)
  all("sctp", { "-4", "-Stw", "--tos" }, sets)
end

function TestKinds:test_dccp()
  all("dccp", { "-4", "-d" }, sets)
  all("dccp", { "-4", "-dS", "--tos" }, sets)
end

function TestKinds:test_raw()
  all("raw", { "-4", "-w" }, sets)
  all("raw", { "-4", "-wS", "--tos" }, sets)
end

function TestKinds:test_vsock()
  all("vsock", { "-f", "vsock" }, sets)
end

function TestKinds:test_tipc()
  all("tipc", { "-f", "tipc" }, sets)
  all("tipc", { "-A", "tipc,udp", "--tipcinfo" }, sets)
end

function TestKinds:test_xdp()
  all("xdp", { "-f", "xdp" }, sets)
  all("xdp", { "-A", "xdp,udp" }, sets)
end

TestNames = {}

-- With -r; what has no name is a number, in brackets if it is one of IPv6.
function TestNames:test_hosts()
  local rows = {}
  for i, address in ipairs { "127.0.0.1", "0.0.0.0", "10.9.9.9" } do
    rows[#rows + 1] = { laddr = address, raddr = address, lport = 80, rport = 40000, cookie = i }
  end
  for i, address in ipairs { "::1", "::", "fe80::1", "::ffff:127.0.0.1" } do
    rows[#rows + 1] = {
      v6 = true, laddr = address, raddr = address, lport = 22, rport = 111, ifindex = 1,
      cookie = i + 9,
    }
  end
  local path = S.temporary ""
  D.write(path, rows)
  -- no server is to be reached from here: that need not take long
  local settings = { "TCPDIAG_FILE=" .. path, "RES_OPTIONS=timeout:1 attempts:1" }
  J.each({ "r", "Hnr" }, { "-t" }, settings)
end

S.main()
