-- `connsh ss -p` and the installed ss: who holds a socket, beside forks that share sockets,
-- threads, duplicated descriptors and processes with the oddest names.

package.path = (os.getenv("TESTS") or "tests") .. "/compat/?.lua;" .. package.path

local S = require("support")
local scenario = require("scenario")
local C = require("compare")
local P = require("product")

scenario.inside("owners")

local function all(options, more, cols)
  P.check({ options, more }, cols)
end

TestOwners = {}

function TestOwners:test_processes()
  all({ "-t", "-u", "-x", "-w", "-0", "", "-f netlink" }, { "-p", "-pa", "-pan", "-pl", "-pe -a",
    "-paO", "-paH", "-pom -a" })
end

function TestOwners:test_threads()
  all({ "-t", "-ua", "-xa", "-0", "-an" }, { "-T", "-pT", "-Te", "-TO", "--threads" })
end

function TestOwners:test_long_names()
  all({ "-tan", "-xan" }, { "--processes", "--proc", "--threads --processes" })
end

function TestOwners:test_filters()
  all({ "-pan" }, { "sport = 6300", "src 127.0.0.1", "state listening", "state time-wait",
    "dport = 80 or sport = 80", "src unix:@*" })
end

function TestOwners:test_as_nobody()
  local nobody = { "setpriv", "--reuid=65534", "--clear-groups" }
  local list = {}
  for _, line in ipairs({ "-tanp", "-xanp", "-anpe", "-tanT" }) do
    list[#list + 1] = { line, { as = nobody } }
  end
  C.check_all(list)
end

C.summary_last()

S.main()
