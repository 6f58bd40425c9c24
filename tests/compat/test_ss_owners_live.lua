-- `connsh ss -p` and the installed ss: who holds a socket, beside forks that share sockets,
-- threads, duplicated descriptors and processes with the oddest names.

package.path = (os.getenv("TESTS") or "tests") .. "/compat/?.lua;" .. package.path

local S = require("support")
local scenario = require("scenario")
local C = require("compare")

scenario.inside("owners")

local widths = { false, 80, false, 25, 120, 250 }
local turn = 0

local function all(options, more)
  local list = {}
  for _, option in ipairs(options) do
    for _, extra in ipairs(more) do
      turn = turn + 1
      list[#list + 1] = { option .. " " .. extra, { cols = widths[turn % #widths + 1] or nil } }
    end
  end
  C.check_all(list)
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

TestZ = {}

function TestZ:test_count()
  C.summary()
end

S.main()
