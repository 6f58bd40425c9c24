-- ss_options: the command line of ss 6.1.0: its options as data, and the usage text that is made
-- of them.
--
-- A row: {letter, long name ...}, arg = what it takes, help, and what it does: `flag` or `flags`
-- name what becomes true of the request, `table` and `family` are selected, does(request, value)
-- does anything else. Texts between the rows stand in the usage as they are.

local select = require "ss_select"

local options = {}

-- Ends the run of ss: code is the exit code, text (may be nil) is for standard error, usage is true
-- if the usage follows there. It is raised, and caught in ss.lua.
function options.leave(code, text, usage)
  error({ ss_exit = code, text = text, usage = usage }, 0)
end

local leave = options.leave

local function add_family(request, name)
  if name == "help" then
    io.stdout:write(options.usage())
    leave(0)
  elseif not request.select:family(name) then
    leave(255, ('ss: "%s" is invalid family\n'):format(name), true)
  end
end

local function add_tables(request, list)
  local wrong = request.select:only(list)
  if wrong then
    leave(255, ('ss: "%s" is illegal socket table id\n'):format(wrong), true)
  end
end

local function open_filter(request, path)
  if request.filter_file then
    leave(255, "More than one filter file\n")
  end
  if path:sub(1, 1) == "-" then
    request.filter_file = io.stdin
    return
  end
  local file, why = io.open(path)
  if not file then
    leave(255, "fopen filter file: " .. why .. "\n")
  end
  request.filter_file = file
end

-- ss takes names of namespaces only, even where they are numbers.
local function enter(request, name)
  local netns = "/var/run/netns/" .. name
  local text, why = connsh.proc("net/dev", netns)
  if not text then
    leave(1, ('Cannot open network namespace "%s": %s\n'):format(name, why))
  end
  request.netns = netns
end

local function need_selinux()
  if not connsh.selinux() then
    leave(1, "ss: SELinux is not enabled.\n")
  end
end

local function print_version()
  io.stdout:write("ss utility, iproute2-6.1.0\n")
  leave(0)
end

local bucket_and_rest = "syn-recv|fin-wait-{1,2}|time-wait|close-wait|last-ack|closing}\n"

local rows = {
  "Usage: ss [ OPTIONS ]\n       ss [ OPTIONS ] [ FILTER ]\n",
  { "h", "help", help = "this message", does = function()
    io.stdout:write(options.usage())
    leave(0)
  end },
  { "V", "version", help = "output version information", does = print_version },
  { "n", "numeric", help = "don't resolve service names", flag = "numeric" },
  { "r", "resolve", help = "resolve host names", flag = "resolve" },
  { "a", "all", help = "display all sockets", does = function(request)
    request.select.asked = select.ALL
  end },
  { "l", "listening", help = "display listening sockets", does = function(request)
    request.select.asked = select.LISTENING
  end },
  { "o", "options", help = "show timer information", flag = "options" },
  { "e", "extended", help = "show detailed socket information",
    flags = { "options", "extended" } },
  { "m", "memory", help = "show socket memory usage", flag = "memory" },
  { "p", "processes", help = "show process using socket", flag = "processes" },
  { "T", "threads", help = "show thread using socket", flag = "threads" },
  { "i", "info", help = "show internal TCP information", flag = "info" },
  { false, "tipcinfo", help = "show internal tipc socket information", flag = "tipcinfo" },
  { "s", "summary", help = "show socket usage summary", flag = "summary" },
  { false, "tos", help = "show tos and priority information", flag = "tos" },
  { false, "cgroup", help = "show cgroup information", flag = "cgroup" },
  { "b", "bpf", help = "show bpf filter socket information", flags = { "options", "bpf" } },
  { "E", "events", help = "continually display sockets as they are destroyed",
    flag = "events" },
  { "Z", "context", help = "display task SELinux security contexts", does = function(request)
    need_selinux()
    request.contexts = true
  end },
  { "z", "contexts", help = "display task and socket SELinux security contexts",
    does = function(request)
      need_selinux()
      request.contexts, request.sock_contexts = true, true
    end },
  { "N", "net", arg = "NS", bare = true, does = enter,
    help = "switch to the specified network namespace name" },
  "\n",
  { "4", "ipv4", help = "display only IP version 4 sockets", family = "inet" },
  { "6", "ipv6", help = "display only IP version 6 sockets", family = "inet6" },
  { "0", "packet", help = "display PACKET sockets", family = "link" },
  { "t", "tcp", help = "display only TCP sockets", table = "tcp" },
  { "M", "mptcp", help = "display only MPTCP sockets", table = "mptcp" },
  { "S", "sctp", help = "display only SCTP sockets", table = "sctp" },
  { "u", "udp", help = "display only UDP sockets", table = "udp" },
  { "d", "dccp", help = "display only DCCP sockets", table = "dccp" },
  { "w", "raw", help = "display only RAW sockets", table = "raw" },
  { "x", "unix", help = "display only Unix domain sockets", family = "unix" },
  { false, "tipc", help = "display only TIPC sockets", family = "tipc" },
  { false, "vsock", help = "display only vsock sockets", family = "vsock" },
  { false, "xdp", help = "display only XDP sockets", family = "xdp" },
  { "f", "family", arg = "FAMILY", help = "display sockets of type FAMILY", does = add_family },
  "       FAMILY := {inet|inet6|link|unix|netlink|vsock|tipc|xdp|help}\n\n",
  { "K", "kill", help = "forcibly close sockets, display what was closed", flag = "kill" },
  { "H", "no-header", help = "Suppress header line", flag = "no_header" },
  { "O", "oneline", help = "socket's data printed on a single line", flag = "oneline" },
  { false, "inet-sockopt", help = "show various inet socket options", flag = "sockopt" },
  "\n",
  { "A", "query", "socket", arg = "QUERY", help = "", does = add_tables },
  "       QUERY := {all|inet|tcp|mptcp|udp|raw|unix|unix_dgram|unix_stream|unix_seqpacket|"
    .. "packet|packet_raw|packet_dgram|netlink|dccp|sctp|vsock_stream|vsock_dgram|tipc|xdp}"
    .. "[,QUERY]\n\n",
  { "D", "diag", arg = "FILE", help = "Dump raw information about TCP sockets to FILE",
    does = function(request, path)
      request.diag = path
    end },
  { "F", "filter", arg = "FILE", help = "read filter information from FILE",
    does = open_filter },
  "       FILTER := [ state STATE-FILTER ] [ EXPRESSION ]\n"
    .. "       STATE-FILTER := {all|connected|synchronized|bucket|big|TCP-STATES}\n"
    .. "         TCP-STATES := {established|syn-sent|syn-recv|fin-wait-{1,2}|time-wait|closed|"
    .. "close-wait|last-ack|listening|closing}\n"
    .. "          connected := {established|syn-sent|" .. bucket_and_rest
    .. "       synchronized := {established|" .. bucket_and_rest
    .. "             bucket := {syn-recv|time-wait}\n"
    .. "                big := {established|syn-sent|fin-wait-{1,2}|closed|close-wait|last-ack|"
    .. "listening|closing}\n",
}

-- Beyond ss: not in its usage, and never what a cut name means.
local own = {
  { "v", does = print_version }, -- of ss, but no word of it in the usage
  { false, "json", whole = true, flag = "json" },
  { false, "netns", arg = "PATTERN", whole = true, does = function(request, pattern)
    request.pattern = pattern
  end },
}

table.move(own, 1, #own, #rows + 1, rows)
options.rows = rows

-- "   -f, --family=FAMILY display ...": the names are 15 wide, what does not fit pushes on.
local function usage_line(row)
  local names = {}
  for i = 2, #row do
    names[#names + 1] = "--" .. row[i] .. (row.arg and not row.bare and "=" .. row.arg or "")
  end
  local left = ("   %s%-15s"):format(row[1] and "-" .. row[1] .. ", " or "    ",
    table.concat(names, ", "))
  return (row.help == "" and left or left .. " " .. row.help) .. "\n"
end

-- The usage text, all of it.
function options.usage()
  local parts = {}
  for _, row in ipairs(rows) do
    if type(row) == "string" then
      parts[#parts + 1] = row
    elseif row.help then
      parts[#parts + 1] = usage_line(row)
    end
  end
  return table.concat(parts)
end

-- What an option does to the request.
function options.take(request, row, value)
  for _, flag in ipairs(row.flags or { row.flag }) do
    request[flag] = true
  end
  if row.table then
    request.select:table(row.table)
  elseif row.family then
    add_family(request, row.family)
  elseif row.does then
    row.does(request, value)
  end
end

return options
