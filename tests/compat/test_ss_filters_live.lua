-- `connsh ss FILTER` and the installed ss: every predicate, operator and form of an address, with
-- the quirks of the grammar: the same rows, the same exit code.

package.path = (os.getenv("TESTS") or "tests") .. "/compat/?.lua;" .. package.path

local lu = require("luaunit")
local S = require("support")
local scenario = require("scenario")
local C = require("compare")
local P = require("product")

scenario.inside("filters")

local function all(options, filters)
  P.check({ options, filters }, false)
end

TestFilters = {}

function TestFilters:test_ports()
  local filters = {}
  for _, word in ipairs({ "sport", "dport" }) do
    for _, operator in ipairs({ "=", "==", "eq", "!=", "ne", "neq", ">", "gt", "<", "lt", ">=",
      "ge",
      "geq", "<=", "le", "leq", "" }) do
      filters[#filters + 1] = (word .. " " .. operator .. " 443"):gsub("  ", " ")
    end
  end
  all({ "-Htan" }, filters)
  all({ "-Htuan", "-tanO" }, { "sport = :80", "sport = http", "sport = :http", "dport = domain",
    "sport = 0x50", "sport = 0120", "sport = 70000", "sport = -1", "sport = *", "sport ge *",
    "dport = *", "sport > :1024", "sport = 80:", "sport :80", "dport gt 9100 and dport lt 9200" })
end

function TestFilters:test_hosts()
  local filters = {}
  for _, word in ipairs({ "src", "dst" }) do
    for _, host in ipairs({ "127.0.0.1", "= 127.0.0.1", "127.0.0.1:80", "127.0.0.1/32",
      "127.0.0.0/8",
      "127/8", "127.0/16:80", "10.1/16", ":80", "*:80", "*", "0.0.0.0", "0.0.0.0/0", "[::1]",
      "[::1]:80", "[::]", "::/0", "[::/0]", "[::1/64]", "[fd00::/8]", "fd00::/8",
      "[::ffff:127.0.0.1]",
      "[::ffff:127.0.0.0]/104", "inet:127.0.0.1", "inet6:[::1]", "inet:*:443", "inet6:*:443",
      "127.0.0.1:http", "127.0.0.1:*", "[fe80::1]", "== 127.0.0.1", "eq 127.0.0.2", "localhost",
      "localhost:80", "[::ffff:0.0.0.0]/96", "1", "0", "127.1", "128/1", "255.255.255.255" }) do
      filters[#filters + 1] = word .. " " .. host
    end
  end
  all({ "-Htan" }, filters)
  all({ "-Huan", "-H4tan", "-H6tan" }, { "src 127.0.0.1", "src [::1]", "dst *:443", "src 127/8",
    "src ::/0", "inet6:[::1]", "src inet6:[::1]", "src inet:127.0.0.1" })
end

function TestFilters:test_logic()
  all({ "-Htan" }, { "sport = 80 and src 127.0.0.1", "sport = 80 or sport = 443",
    "sport = 443 or sport = 80 and src [::1]", "sport = 80 and src [::1] or sport = 443",
    "( sport = 443 ) or ( sport = 80 and src [::1] )",
    "( sport = 443 or sport = 80 ) and src [::1]",
    "not sport = 80", "! sport = 80", "not ( sport = 80 or sport = 443 )", "not src 127.0.0.1",
    "not not sport = 80", "! ! sport = 80", "sport = 80 src 127.0.0.1", "sport = 80 && src 127/8",
    "sport = 80 & src 127/8", "sport = 80 || sport = 443", "sport = 80 | sport = 443",
    "not sport = 80 and not sport = 443", "not sport = 80 or sport = 443 and src [::1]",
    "( ( ( sport = 80 ) ) )", "( not ( sport = 80 ) )", "sport != 80 and dport != 80",
    "sport > 9000 and sport < 9100 or sport = 80", "dport ge 9000 and not dst 127.0.0.1",
    "sport = 80 or src [::1] and dport > 1000 or not dst 127.0.0.1", "sport\\ = 80",
    "not ( sport gt 1000 and ( dport lt 5000 or src 127/8 ) )",
    "( sport = 80 or sport = 81 or sport = 82 or sport = 443 or sport = 8080 ) and not dst 127/8" })
end

function TestFilters:test_states_with_filters()
  all({ "-Htn", "-Hn -t -o" }, { "state established sport = 80", "state listening src 127.0.0.1",
    "state time-wait src [::1]", "exclude listening sport = 80 or dport = 80",
    "state big not src 127.0.0.1", "state all dport = 80",
    "state fin-wait-1 state fin-wait-2 src 127/8",
    "state syn-recv dst 127/8" })
end

function TestFilters:test_devices_and_marks()
  all({ "-Htuan", "-Htuane" }, { "dev = lo", "dev lo", "dev != lo", "dev == lo", "dev = v0",
    "dev v0",
    "dev = 1", "dev = 0", "dev != 0", "dev = 99", "not dev lo", "dev lo or sport = 80",
    "dev lo and sport = 67", "fwmark = 7", "fwmark 7", "fwmark != 7", "fwmark = 0", "fwmark = 0x7",
    "fwmark = 3/3", "fwmark = 1/0x1", "fwmark = 0/1", "fwmark == 5", "not fwmark = 7",
    "fwmark = 7 or fwmark = 5", "fwmark = 0x80000001" })
end

function TestFilters:test_cgroups()
  all({ "-Htuan" }, { "cgroup /", "cgroup = /", "cgroup != /", "cgroup = /no/such/cgroup",
    "cgroup = /sys/fs/cgroup", "not cgroup = /sys/fs/cgroup" })
end

function TestFilters:test_autobound()
  all({ "-Htan", "-Huan", "-Htuan", "-Hxan", "-Ha0n", "-Han -f netlink" }, { "autobound",
    "not autobound", "autobound or sport = 80", "autobound and src 127.0.0.1" })
end

function TestFilters:test_other_families()
  all({ "-Hxan", "-Han" }, { "src unix:*", "src unix:@*", "src /*", "src @sockmaker*",
    "src *stream",
    "src UNIX:@SOCKMAKER-*", "dst unix:*", "dst *", "src unix:path*", "src a:b*", "not src unix:@*",
    "src unix:[@]*", "src @sockmaker-stream or src @sockmaker-dgram", "sport = 80" })
  all({ "-Ha0n", "-Ha0", "-Han" }, { "src link:*", "src link:*:lo", "src link:ip",
    "src link:arp:lo",
    "sport = lo", "sport = 1", "src link:ip:*", "src ip:lo", "src link:[4660]", "not sport = lo" })
  all({ "-Han -f netlink", "-Ha -f netlink", "-Han" }, { "src netlink:*", "src netlink:rtnl",
    "src netlink:0", "src netlink:rtnl:kernel", "src netlink:genl:*", "src netlink:rtnl:0",
    "dst netlink:5:77", "sport = kernel", "sport = 0", "dport = 77", "src rtnl", "src usersock" })
  all({ "-Hawn", "-Haw" }, { "sport = 1", "sport = icmp", "src 127.0.0.1", "sport = 89", "dev lo",
    "src *:58" })
  all({ "-HaMn" }, { "sport = 5370", "src [::1]", "dport = 5370 or sport = 5371" })
  all({ "-Han" }, { "src vsock:*", "src vsock:1:2", "sport = 80", "src 127.0.0.1", "dst 127/8" })
end

-- A prefix is stronger than the family of the options, and holds for the operands behind it.
function TestFilters:test_prefixes()
  all({ "-Hn", "-Hn -0", "-Hn -x", "-Hn -f netlink", "-Hn6", "-Hn --xdp" }, { "src vsock:2:5",
    "src inet:127.0.0.1", "src inet6:[::1]", "src link:foo", "src netlink:rtnl", "src unix:a:b*",
    "src inet:* and src 127.0.0.1", "src inet6:* and src 127.0.0.1", "src unix:a or src foo",
    "src unix:@* or sport = foo", "src inet:1 or src foo", "src unix:a or src link:foo",
    "dst inet:", "src 127.0.0.1", "src [::1]", "src foo.invalid",
    "src any", "src netlink:256", "src 127/8", "sport = 80", "sport = foo", "src xdp:1" })
end

function TestFilters:test_files()
  local path = S.temporary("# a comment\n0 is one too\nsport = 80\nor sport = 443\n")
  C.check_all({ { "-tanF " .. path }, { "-tan -F " .. path .. " and src 127.0.0.1" },
    { "-tan --filter=" .. path }, { "-tan -F -", { stdin = path } },
    { "-tanF " .. S.temporary("") }, { "-tanF /tmp" },
    { "-tanF " .. S.temporary("sport = 80\0 or sport = 443\nor sport = 81\n") },
    { "-tanF " .. S.temporary("state established\nsport = 80\n") },
    { "-tanF " .. S.temporary("sport = 80\\\n\n\n  or\tsport = 81  \n") },
    { "-tanF " .. S.temporary("( sport = 80\n") } })
end

-- Words in one argument and in several are the same; escapes keep blanks.
function TestFilters:test_arguments()
  C.check_all({ { { "-Htan", "sport = 80" } }, { { "-Htan", "sport", "= 80 or", "sport = 443" } },
    { { "-Htan", "state established sport = 80" } }, { { "-Htan", "" } }, { { "-Htan", " " } },
    { { "-Hxan", "src", "path\\ with*" } }, { { "-Hxan", "src path\\ with*" } },
    { { "-Htan", "(sport = 80)" } }, { { "-Htan", "sport=80" } }, { { "-Htan", "sport=:80" } },
    { { "-Htan", "sport = 80", "-n", "or", "dport = 80" } }, { { "-Htan", "--", "sport", "=",
    "80" } },
    { { "-Htan", "( sport = 80 )", "or", "( sport = 443 )" } }, { { "-Htan", "not",
    "sport = 80" } } })
end

-- and with or in turn nests a tree as deep as there are words.
function TestFilters:test_alternating()
  local words = {}
  for i = 1, 400 do
    words[i] = ("sport != :%d %s "):format(i, i % 2 == 0 and "and" or "or")
  end
  C.check_all({ { { "-Htan", table.concat(words) .. "sport = :80" } } })
end

-- However many predicates there are and however they are nested: a filter of this size has to be
-- read in linear time for this test to end soon.
function TestFilters:test_many()
  for _, nested in ipairs({ "", "( " }) do
    local n = 20000
    local text = ("sport = :80 or " .. nested):rep(n) .. "sport = :81" ..
      (nested == "" and "" or " )"):rep(n)
    local filter = require("ss_filter").new({ words = { text }, tables = { tcp = true } })
    lu.assertEquals(#filter:conditions("inet"), n + 2)
  end
end

C.summary_last()

S.main()
