-- The sockets that the comparisons with ss are made beside: everything that sockmaker and oddmaker
-- can make, in namespaces of their own: of the network with a small table of connections (of the
-- host's a dump takes long), and of processes (ss -p reads every process of the host).
--
--   local scenario = require("scenario")
--   scenario.inside("inet")
--
-- runs the test file again beside the sockets of that name, and ends with its exit code; in that
-- second run it returns. One scenario lives for less than a minute: then TIME-WAIT is over.

local S = require("support")

local scenario = {}

-- Process ids of one width, so that columns do not move with them.
local namespaces = "echo 256 2>/dev/null >/proc/sys/net/ipv4/tcp_child_ehash_entries; "
  .. "exec unshare -n -m -p -f --mount-proc --kill-child sh -c "
local process_ids = "echo 10000 2>/dev/null >/proc/sys/kernel/ns_last_pid; "

-- An interface with a scope, whose peer has the worst name that the kernel takes.
local interfaces = [[
ip link add v0 type veth peer name "odd)\"dev'[x]0" &&
ip link set v0 addrgenmode none && ip link set "odd)\"dev'[x]0" addrgenmode none &&
ip link set v0 up && ip link set "odd)\"dev'[x]0" up &&
ip addr add 10.9.0.1/24 dev v0 && ip addr add fe80::1/64 dev v0 nodad
]]

-- specs: sockmaker's; odd: oddmaker's; before: commands of sh. Retransmissions follow each other
-- ever more slowly: where there are some, the comparisons begin when most have slowed down.
local slow_down = "sleep 2\n"

local scenarios = {
  inet = { specs = { "all" }, odd = "tcp,udp,raw,scopes", before = interfaces },
  kinds = {
    specs = { "listen=127.0.0.1:80", "conn=127.0.0.1:80", "udp=127.0.0.1:53",
      "unix=@sockmaker-stream*2,queue=1", "unix=@sockmaker-dgram*1,dgram,pending=20",
      "unix=@sockmaker-seqpacket*1,seqpacket", "unix=pair*2,pending=30",
      "packet=all,rxring=1", "packet=ip,dev=lo,dgram,rxring=2,txring", "packet=arp,rxring=3",
      "packet=ip,fanout=7", "packet=0x88b5,dev=lo,filter,auxdata,promisc,join", "raw=icmp",
      "raw6=icmp6", "udplite=127.0.0.1:5360", "mptcp=127.0.0.1:5370*2", "mptcp=[::1]:5371" },
    odd = "unix,netlink,packet",
  },
  owners = {
    specs = { "listen=127.0.0.1:80", "conn=127.0.0.1:80*3", "noaccept=127.0.0.1:84*2",
      "listen=*:8080", "conn=[::1]:8080", "udp=0.0.0.0:53", "udpconn=[::1]:5357,pending=90",
      "unix=@sockmaker-stream*2,queue=1", "unix=pair", "packet", "netlink=route", "raw=icmp",
      "state=time-wait,addr=127.0.0.1:9106", "holders=2" },
    odd = "holders",
  },
  control = { specs = { "listen=127.0.0.1:80" }, odd = "control,control-holder" },
  filters = {
    specs = { "all" }, odd = "udp,scopes,unix,netlink,packet", before = interfaces,
  },
}

function scenario.inside(name)
  if os.getenv("COMPAT_INSIDE") == name then
    return
  end
  local what = assert(scenarios[name], name)
  local tools = S.sh_quote(os.getenv("BUILD") or "build") .. "/tests/"
  local words = { tools .. "oddmaker", what.odd, '"$folder"', S.sh_quote(S.connsh_path()) }
  for i = 0, #arg do
    words[#words + 1] = S.sh_quote(arg[i])
  end
  if what.before then
    -- oddmaker runs the shell, and that the test
    table.insert(words, 4, "sh -c " .. S.sh_quote(slow_down .. 'exec "$@"') .. " sh")
  end
  local script = (what.before and "{ " .. what.before .. "} || exit 125; " or "")
    .. "COMPAT_INSIDE=" .. name .. "; export COMPAT_INSIDE; exec " .. table.concat(words, " ")
  local specs = {}
  for i, spec in ipairs(what.specs) do
    specs[i] = S.sh_quote(spec)
  end
  local _, how, number = os.execute(namespaces .. S.sh_quote(process_ids
    .. "folder=$(mktemp -d); export folder; " .. S.sh_quote(S.sockmaker_path()) .. " "
    .. table.concat(specs, " ") .. " -- sh -c " .. S.sh_quote(script)
    .. "; code=$?; rm -rf \"$folder\"; exit $code"))
  os.exit(how == "signal" and 128 + number or number)
end

return scenario
