-- Owns the columns that ss shows of inet sockets: tcp, udp, raw, dccp, sctp and mptcp (see
-- ss_columns.lua); what -i says is in ss_columns_tcp.lua and ss_columns_streams.lua.
local parts = require "ss_columns_parts"
local tcp = require "ss_columns_tcp"
local streams = require "ss_columns_streams"

local when = parts.when

-- ---- addresses --------------------------------------------------------------------------

-- An unspecified IPv6 address is "*" unless the socket is told to be of IPv6 only.
local function address(field, opt, scope)
  local any = { first = { when({ v6only = true }, "[::]"), "*" } }
  local number = { field = field, before = "[", after = "]" }
  local v4 = { field = field }
  if opt.resolve then
    number = { field = field, as = "host_before_port" }
    v4 = { field = field, as = "host" }
  end
  return {
    { first = {
      when({ family = "inet6" }, { first = { when({ [field] = "::" }, any), number } }),
      v4,
    } },
    scope and { field = "dev", before = "%" } or "",
    ":",
  }
end

-- Numbers of protocols by their names in protocols(5), which raw sockets have as ports.
local protocols
local function protocol_names()
  if not protocols then
    protocols = { [0] = "*" }
    local file = io.open "/etc/protocols"
    for line in file and file:lines() or function() end do
      local name, number = line:match "^%s*([^%s#]+)%s+(%d+)"
      number = math.tointeger(tonumber(number))
      if number and not protocols[number] then
        protocols[number] = name
      end
    end
    if file then
      file:close()
    end
  end
  return protocols
end

local function port(field, opt)
  local names = opt.table
  if names ~= "tcp" and names ~= "udp" and names ~= "raw" then
    names = opt.names
  end
  local none = { [0] = "*" }
  if opt.numeric then
    return { field = field, map = none, as = "%u" }
  elseif names == "raw" then
    return { field = field, map = protocol_names(), as = "ipproto-%d" }
  end
  return {
    field = field, map = none, as = "service", proto = names, local_range = true,
    rpc = opt.resolve or nil,
  }
end

-- ---- which socket it is -------------------------------------------------------------------

-- ss names a raw socket by its protocol where the kernel lists them, as if it were one of that.
local raw_names = {
  [0] = "raw", [6] = "tcp", [17] = "udp", [33] = "dccp", [58] = "icmp6", [132] = "sctp",
}

local function netid(opt)
  if opt.table == "raw" then
    return { first = {
      when({ from_proc = true }, "raw"),
      { field = "protocol_number", map = raw_names, as = "???%.0s" },
    } }
  end
  return opt.table
end

-- Their numbers read as states of tcp: of an association that follows no row of its socket.
local sctp_as_tcp = {
  closed = "UNKNOWN", ["cookie-wait"] = "ESTAB", ["cookie-echoed"] = "SYN-SENT",
  established = "SYN-RECV", ["shutdown-pending"] = "FIN-WAIT-1",
  ["shutdown-sent"] = "FIN-WAIT-2", ["shutdown-received"] = "TIME-WAIT",
  ["shutdown-ack-sent"] = "UNCONN",
}

-- ss takes a row of sctp for an association when it has the inode of the row before.
local function sctp_identity()
  local inode, association
  local function name(record)
    association = inode ~= nil and inode ~= 0 and record.inode == inode
    inode = record.inode
    return association and "" or "sctp"
  end
  local function state(record)
    local of_sctp = record.sctp_state
    if association then
      return "`- " .. (streams.sctp_states[of_sctp] or "UNKNOWN")
    elseif of_sctp then
      return sctp_as_tcp[of_sctp]
    end
    return parts.states[record.state] or "UNKNOWN"
  end
  return { value = name }, { value = state }
end

-- ---- details -------------------------------------------------------------------------------

local timers = {
  on = " timer:(on,", keepalive = " timer:(keepalive,", timewait = " timer:(timewait,",
  persist = " timer:(persist,",
}

local function timer(opt)
  if opt.table == "sctp" then
    return {
      when = { timer = true },
      " timer:(T3_RTX,", { field = "timer_expires", unit = "ms", as = "clock" },
      { field = "timer_retrans", as = ",%d)" },
    }
  end
  return {
    when = { timer = true },
    { field = "timer", map = timers, as = " timer:(unknown,%.0s" },
    { field = "timer_expires", unit = "ms", as = "clock" },
    { first = {
      when({ from_proc = true }, tcp.proc_retrans ",%d)"),
      { field = "timer_retrans", as = ",%d)" },
    } },
  }
end

local flags = {
  "recverr", "is_icsk", "freebind", "hdrincl", "mc_loop", "transparent", "mc_all", "nodefrag",
  "bind_addr_no_port", "recverr_rfc4884", "defer_connect",
}

local function sockopt(opt)
  local list = {}
  for i, flag in ipairs(flags) do
    list[i] = { field = flag, map = { [true] = " " .. flag, [false] = "" } }
  end
  list[1].before = (opt.oneline and " " or "\n\t") .. "inet-sockopt: ("
  list[#list].after = ")"
  return list
end

-- What /proc does not tell, ss does not print for its rows, not even the line.
local function details(opt)
  local list = { parts.users(opt) }
  local function add(part)
    list[#list + 1] = part
  end
  if opt.table == "tcp" then
    if opt.options then
      add(timer(opt))
    end
    if opt.extended then
      add(parts.identity_of_tcp)
    end
  elseif opt.options or opt.extended then
    add { first = {
      when({ from_proc = true }, ""),
      { opt.options and timer(opt) or "", opt.extended and parts.identity or "" },
    } }
  end
  if opt.extended and opt.table == "tcp" then
    add { field = "proc_tail", as = ' opt:"%s"' }
  end
  if opt.extended then
    add(when({ family = "inet6" }, { field = "v6only", as = " v6only:%d" }))
    add(parts.shutdown)
  end
  if opt.tos then
    add { field = "tos", as = " tos:%#x" }
    add { field = "tclass", as = " tclass:%#x" }
    add { field = "class_id", as = " class_id:%#x" }
  end
  if opt.cgroup then
    add(parts.cgroup)
  end
  if opt.sockopt then
    add(sockopt(opt))
  end
  if opt.memory or (opt.info and opt.table ~= "udp") then
    local line = { parts.line(opt) }
    -- what is in the message is printed for either: a file holds what nobody asked for
    local memory, info = opt.memory or opt.file, opt.info or opt.file
    if memory then
      line[#line + 1] = parts.memory
      line[#line + 1] = {
        when = { rcvbuf = false },
        { field = "rmem", as = " mem:(r%u" },
        { field = "wmem_queued", as = ",w%u" },
        { field = "fwd_alloc", as = ",f%u" },
        { field = "wmem", as = ",t%u)" },
      }
    end
    if opt.table == "sctp" then
      line[#line + 1] = streams.sctp_addresses
    end
    if info then
      line[#line + 1] = (opt.table == "sctp" or opt.table == "mptcp") and streams[opt.table]
        or tcp.info(opt)
    end
    -- to ss a raw socket of that protocol is one of udp, which has no such line for -i
    local udp = opt.table == "raw" and not opt.memory
    local choices = {
      when({ from_proc = true }, opt.table == "tcp" and opt.info and tcp.proc_info or ""),
      line,
    }
    if udp then
      table.insert(choices, 1, when({ protocol_number = 17 }, ""))
    end
    add { first = choices }
  end
  return list
end

return function(opt)
  local id, state = netid(opt), parts.state
  if opt.table == "sctp" then
    id, state = sctp_identity()
  end
  return {
    id, opt.events and "UNCONN" or state, parts.queue "recvq", parts.queue "sendq",
    address("laddr", opt, true), port("lport", opt), address("raddr", opt), port("rport", opt),
    details(opt),
  }
end
