-- `connsh ss` and the installed ss, beside every kind of internet socket in every state: the
-- product of options, states and widths. Each command line must print the same bytes.

package.path = (os.getenv("TESTS") or "tests") .. "/compat/?.lua;" .. package.path

local lu = require("luaunit")
local S = require("support")
local scenario = require("scenario")
local C = require("compare")
local P = require("product")

scenario.inside("inet")

TestInet = {}

local tables = { "-t", "-u", "-tu", "-w", "-M", "" }

function TestInet:test_tables_and_states()
  P.check({ tables, { "", "-a", "-l" }, { "", "-n", "-H", "-O" } })
end

function TestInet:test_families()
  P.check({ { "-t", "-ua", "-an" }, { "-4", "-6", "-46", "-64", "-f inet",
    "-f inet6", "--ipv4", "--ipv6" } })
end

function TestInet:test_details_on_a_pipe()
  P.check({ { "-tan", "-uan", "-tanO", "-tanH" }, { "-o", "-e", "-m", "-i", "-oe",
    "-om", "-oi", "-em", "-ei", "-mi", "-oemi" } }, false)
end

function TestInet:test_details_on_terminals()
  P.check({ { "-tan", "-tuan", "-tO" }, { "-o", "-e", "-m", "-i", "-oemi",
    "-oe --tos", "--inet-sockopt", "--cgroup", "-e --cgroup --tos --inet-sockopt" } })
end

function TestInet:test_every_width()
  local list = {}
  for cols = 20, 250, 5 do
    list[#list + 1] = { "-tan", { cols = cols } }
    list[#list + 1] = { cols % 2 == 0 and "-tuaneO" or "-tuanH", { cols = cols } }
  end
  C.check_all(list)
end

function TestInet:test_details_of_every_width()
  local list = {}
  for cols = 20, 250, 10 do
    list[#list + 1] = { "-tanoemi", { cols = cols } }
    list[#list + 1] = { "-uane", { cols = cols } }
  end
  C.check_all(list)
end

-- Sizes that no screen has.
function TestInet:test_edges_of_widths()
  local list = {}
  for _, cols in ipairs({ 0, 1, 2, 3, 5, 8, 10, 15, 300, 500, 1000, 65535 }) do
    list[#list + 1] = { "-tan", { cols = cols } }
    list[#list + 1] = { "-tue", { cols = cols } }
  end
  list[#list + 1] = { "-tan", { env = { COLUMNS = "40" } } }
  list[#list + 1] = { "-tan", { env = { COLUMNS = "40" }, cols = 100 } }
  C.check_all(list)
end

local states = { "established", "syn-sent", "syn-recv", "syn-rcv", "fin-wait-1", "fin-wait-2",
  "time-wait", "closed", "close", "unconnected", "close-wait", "last-ack", "listening", "closing",
  "all", "connected", "synchronized", "bucket", "big" }

function TestInet:test_states()
  local words = {}
  for _, name in ipairs(states) do
    words[#words + 1] = "state " .. name
    words[#words + 1] = "exclude " .. name
  end
  words[#words + 1] = "state established state listening"
  words[#words + 1] = "exclude listening exclude time-wait"
  words[#words + 1] = "state ESTABLISHED"
  words[#words + 1] = "state Time-Wait"
  P.check({ { "-tn", "-uan", "-Htu" }, words })
end

function TestInet:test_details_of_states()
  local words = {}
  for _, name in ipairs(states) do
    words[#words + 1] = "state " .. name
  end
  P.check({ { "-tnoemi" }, words }, false)
  P.check({ { "-tnoemi", "-Htneo" }, words })
end

function TestInet:test_names_of_services()
  P.check({ { "-ta", "-ua", "-tua", "-wa", "-Ma" }, { "", "-e", "-O" } })
end

function TestInet:test_resolving()
  C.check_all(P.items({ "-tlr", "-ulr", "-rt4", "-rta6", "-wlr", "-tlrn", "-tlnr" }))
end

function TestInet:test_order_of_words()
  C.check_all(P.items({ "state listening -tn", "-t -a -n", "-n -t -l", "-la -tn", "-al -tn",
    "--tcp --all --numeric", "--tc --al --num", "--listening --udp", "-tan --",
    "-tan -- sport = 80",
    "-t -- -a", "sport = 80 -tan", "-A tcp -n", "-A tcp,udp -an", "-A inet -an", "-A=tcp",
    "-A inet,!udp -an", "--query=tcp -an", "--query tcp", "--socket=udp -a",
    "-A all,!tcp,!unix -an",
    "-A raw -an", "-Atcp -l", "-anA tcp", "-tan -H -O -e", "--no-header --oneline -tan",
    "--extended --memory --info -tn", "--options -tn", "-Q", "-tu -A raw", "-A mptcp -a",
    "-A dccp -a", "-A sctp -a", "-A tcp -A udp -an", "--numer -tn", "--ex -tn", "--fam inet -tn",
    "-t -u -w -a -n", "-S -a", "-d -a" }))
end

function TestInet:test_errors()
  C.check_all(P.items({ "-y", "--nothing", "-f nothing", "-A nothing", "-A tcp,nothing",
    "state wrong",
    "state", "exclude", "exclude nothing", "-f", "-A", "-N", "-N no-such-netns", "-F /no/such/file",
    "-D", "--i -tn", "--inet", "state listen", "state estab", "-tn state established state",
    "--all=x", "-A !nothing", "-f help", "--family=help", "-tn src", "-tn sport", "-tn =",
    "-tn foo",
    "-tn sport = ssshhh", "-tn ( sport = 80", "-tn sport = 80 )", "-tn sport == == 80",
    "-tn src != 127.0.0.1", "-tn dst 1.2.3.4.5", "-tn dst 300.1.1.1", "-tn and", "-tn not", "-tn !",
    "-tn sport = 80 state established", "-tn dst ::1", "-tn dst [::1", "-tn src 127.0.0.1/33",
    "-tn fwmark = x", "-tn dev = nosuchdev", "-tn sport = 80 80", "-E -x", "-Z", "-z", "-tZ" }))
end

function TestInet:test_texts()
  C.check_all(P.items({ "-h", "--help", "-V", "--version", "-v", "-Vh", "-hV", "-t -V" }))
end

function TestInet:test_summary()
  C.check_all(P.items({ "-s", "-sH", "--summary", "-st", "-su -n", "-s4", "-s state established",
    "-sO -tl" }))
end

-- The raw messages without what is of the request (sequence and port, struct nlmsghdr) and what is
-- left of a timer (idiag_expires).
local function without_request(text)
  local parts, at = {}, 1
  while at + 15 <= #text do
    local len, kind = ("<I4I2"):unpack(text, at)
    local message = text:sub(at, at + len - 1)
    message = message:sub(1, 8) .. ("#"):rep(8) .. message:sub(17)
    if kind ~= 3 and len >= 16 + 56 then
      message = message:sub(1, 68) .. ("#"):rep(4) .. message:sub(73)
    end
    parts[#parts + 1] = message
    at = at + math.max(16, (len + 3) // 4 * 4)
  end
  return table.concat(parts) .. text:sub(at)
end

function TestInet:test_dump()
  local list = {}
  for _, line in ipairs({ "-tn -D -", "-tna -D -", "-D - -ta", "-tn --diag=-", "-tnl4D -" }) do
    list[#list + 1] = { line, { both = without_request } }
  end
  C.check_all(list)
end

function TestInet:test_killing_nothing()
  C.check_all(P.items({ "-K dport = 1", "-tKn sport = 2", "-uK sport = 2",
    "-tK state time-wait dport = 1" }))
end

-- What comes from a text or a file is listed, and nothing is closed for it.
function TestInet:test_killing_rows_of_files()
  local dump = S.temporary("")
  S.run({ C.need_reference(), "-tan", "-D", dump })
  local before = S.run({ C.need_reference(), "-tanH" }).out
  local text = { PROC_NET_TCP = S.temporary(S.read_file("/proc/net/tcp")) }
  C.check_all({ { "-tanK", { env = { TCPDIAG_FILE = dump } } }, { "-tanK4", { env = text } },
    { "-wanK" }, { "-wanK4 src 127/8" } })
  local after = S.run({ C.need_reference(), "-tanH" }).out
  lu.assertEquals(select(2, after:gsub("\n", "")), select(2, before:gsub("\n", "")))
end

-- tipc has no sockets here, but its states are those of the tables beside it.
function TestInet:test_states_that_families_bring()
  C.check_all(P.items(P.lines({ { "-tn", "-un", "-wn", "-4n", "-Mn", "-A tcp,raw -n" },
    { "--tipc", "--vsock", "--xdp", "-0", "-f tipc -f netlink" } })))
  -- and of tables, once no state is left that was asked for
  C.check_all(P.items(P.lines({ { "-A u_dgr", "-A u_str", "-A tipc,tcp", "-A xdp,raw",
    "-A vsock,udp", "-A netlink", "-A p_raw", "-A mptcp", "-x", "--tipc -t" },
    { "exclude all -n" } })))
end

function TestInet:test_as_nobody()
  local nobody = { "setpriv", "--reuid=65534", "--clear-groups" }
  local list = {}
  for _, line in ipairs({ "-tan", "-tanoemi", "-uane", "-tan fwmark = 0", "-tan fwmark = 7", "-tap",
    "-uan not fwmark = 0/1 or sport = 53", "-tan fwmark = 0/0", "fwmark = 7",
    "-wan", "-tnK sport = 80", "-Man" }) do
    list[#list + 1] = { line, { as = nobody } }
  end
  C.check_all(list)
end

-- ---- what is most easily wrong: here with what it should be -----------------------------------

TestCases = {}

local function out(line, opts)
  C.check(line, opts)
  return C.run(C.ours(), line, opts).out
end

local function rows(line)
  return select(2, out(line):gsub("\n", ""))
end

-- `a or b and c` is `(a or b) and c`.
function TestCases:test_precedence()
  lu.assertEquals(out("-Hltn sport = 443 or sport = 80 and src 127.0.0.2"), "")
  lu.assertNotEquals(out("-Hltn sport = 443 or ( sport = 80 and src 127.0.0.2 )"), "")
end

-- Lines on a terminal are a multiple of its width.
function TestCases:test_terminal()
  for line in out("-tn", { cols = 60 }):gmatch("[^\n]+") do
    lu.assertEquals(#line % 60, 0)
  end
end

-- A time-wait socket has no memory and no inode, and leaves a line with a lone tab.
function TestCases:test_time_wait()
  local text = out("-Htanoeim state time-wait")
  lu.assertStrContains(text, " ino:0 ")
  lu.assertNotNil(text:find("%f[^\n]\t *\n"))
  lu.assertNil(out("-HtanoeimO state time-wait"):find("\t"))
end

-- Sockets that were bound, and accepted ones, are neither autobound nor not autobound.
function TestCases:test_autobound()
  local all, bound, free = rows("-Htan"), rows("-Htan not autobound"), rows("-Htan autobound")
  lu.assertTrue(bound > 0 and free > 0 and bound + free < all)
end

-- The last of -4 and -6 decides; -A without -a lists connections only.
function TestCases:test_selection()
  lu.assertNil(out("-Hltn46"):find("127.0.0.1:80 ", 1, true))
  lu.assertNotNil(out("-Hltn64"):find("127.0.0.1:80 ", 1, true))
  lu.assertEquals(out("-HA packet"), "")
  lu.assertTrue(rows("-H0") > 0)
  lu.assertEquals(rows("-HaA packet_raw"), rows("-H0"))
end

-- Four spellings of "any address", and a device behind an address.
function TestCases:test_wildcards()
  local text = out("-Htuan")
  for _, part in ipairs({ " 0.0.0.0:82 ", " [::]:81 ", " *:8080 ", " [::ffff:127.0.0.1]:443 ",
    " 127.0.0.2%lo:67 ", " [fe80::1]%v0:6000 " }) do
    lu.assertStrContains(text, part)
  end
  local env = { PROC_NET_TCP = "/proc/net/tcp", PROC_NET_UDP = "/proc/net/udp" }
  lu.assertNotEquals(out("-Htuan", { env = env }), text)
end

-- Nobody holds what is not accepted yet.
function TestCases:test_owners()
  lu.assertNil(out("-Htnp state established sport = 84"):find("users:", 1, true))
  lu.assertStrContains(out("-Htnp state established dport = 84"), "users:((")
end

C.summary_last()

S.main()
