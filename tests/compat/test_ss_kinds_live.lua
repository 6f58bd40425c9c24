-- `connsh ss` and the installed ss, beside unix, packet, netlink, raw and mptcp sockets with every
-- kind of name, and all tables at once.

package.path = (os.getenv("TESTS") or "tests") .. "/compat/?.lua;" .. package.path

local S = require("support")
local scenario = require("scenario")
local C = require("compare")
local P = require("product")

scenario.inside("kinds")

local function all(options, more, cols)
  P.check({ options, more }, cols)
end

local details = { "", "-n", "-e", "-m", "-em", "-o", "-i", "-b", "-oemi", "-nO", "-HO", "-eO",
  "-mO",
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

C.summary_last()

S.main()
