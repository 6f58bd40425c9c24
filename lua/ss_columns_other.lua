-- Owns the columns that ss shows of unix, packet, netlink, vsock, tipc and xdp sockets (see
-- ss_columns.lua).
local parts = require "ss_columns_parts"
local when = parts.when

local other = {}

-- ---- unix ----------------------------------------------------------------------------------

-- The kernel writes its own dev_t, 20 bits of minor; ss reads it as the C library's.
local function path_dev(record)
  local dev = record.path_dev
  if not dev then
    return nil
  end
  local major = dev >> 8 & 0xfff | dev >> 32 & ~0xfff
  local minor = dev & 0xff | dev >> 12 & ~0xff
  local raw = (major << 20 | minor & 0xfffff) & 0xffffffff
  return (" dev:%d/%d"):format(raw >> 8 & 0xfff, raw & 0xff | raw >> 12 & 0xfff00)
end

-- Rows of /proc/net/unix have a state of their own unless they listen, in which datagrams count as
-- established; and ss reads the name up to its first blank.
local unix_state = { first = {
  when({
    from_proc = true, type = "dgram", socket_state = "unconnected", state = "close",
    { "kernel_pointer", "!=", 0 },
  }, "ESTAB"),
  when({ from_proc = true, state = { "established", "close" } }, { field = "socket_state", map = {
    free = "UNKNOWN", unconnected = "UNCONN", connecting = "SYN-SENT", connected = "ESTAB",
    disconnecting = "CLOSING",
  } }),
  parts.state,
} }
local unix_name = { first = {
  when({ from_proc = true }, { field = "name", upto = " ", otherwise = "*" }),
  { field = "name", otherwise = "*" },
} }

function other.unix(opt)
  local details = { parts.users(opt) }
  if opt.memory then
    details[#details + 1] = parts.memory
  end
  if opt.extended then
    details[#details + 1] = {
      parts.shutdown,
      { field = "path_inode", as = " ino:%u" },
      when({ path_inode = true }, { value = path_dev }),
      -- the kernel tells of every listener who waits, though it be nobody
      when({ state = "listen", { "not", { "from_proc", "=", true } } }, " peers:"),
      { each = "pending", as = " %u" },
    }
  end
  return {
    { field = "type", map = { stream = "u_str", seqpacket = "u_seq" }, as = "u_dgr%.0s",
      otherwise = "u_dgr" },
    unix_state, parts.queue "recvq", parts.queue "sendq",
    { unix_name, " " },
    { field = "inode", as = "%d", wrap = 32, otherwise = "0" },
    "* ",
    { field = "peer_inode", as = "%d", wrap = 32, otherwise = "0" },
    details,
  }
end

-- ---- packet --------------------------------------------------------------------------------

-- Ethertypes of <linux/if_ether.h> by the names that iproute2 has for them.
local ethertypes = {
  [0x0001] = "802_3", [0x0002] = "ax25", [0x0003] = "*", [0x0004] = "802_2", [0x0005] = "snap",
  [0x0006] = "ddcmp", [0x0007] = "wan_ppp", [0x0008] = "ppp_mp", [0x0009] = "localtalk",
  [0x000c] = "can", [0x0010] = "ppptalk", [0x0011] = "tr_802_2", [0x0015] = "mobitex",
  [0x0016] = "control", [0x0017] = "irda", [0x0018] = "econet", [0x0060] = "loop",
  [0x0200] = "pup", [0x0201] = "pupat", [0x0800] = "ip", [0x0805] = "x25", [0x0806] = "arp",
  [0x08ff] = "bpq", [0x0a00] = "ieeepup", [0x0a01] = "ieeepupat", [0x6000] = "dec",
  [0x6001] = "dna_dl", [0x6002] = "dna_rc", [0x6003] = "dna_rt", [0x6004] = "lat",
  [0x6005] = "diag", [0x6006] = "cust", [0x6007] = "sca", [0x6558] = "teb", [0x8035] = "rarp",
  [0x809b] = "atalk", [0x80f3] = "aarp", [0x8100] = "802.1Q", [0x8137] = "ipx", [0x86dd] = "ipv6",
  [0x8847] = "mpls_uc", [0x8848] = "mpls_mc", [0x884c] = "atmmpoa", [0x8863] = "ppp_disc",
  [0x8864] = "ppp_ses", [0x8884] = "atmfate", [0x8892] = "profinet", [0x88a2] = "aoe",
  [0x88a4] = "ethercat", [0x88a8] = "802.1ad", [0x88ca] = "tipc", [0x88cc] = "LLDP",
}

local function ring(opt, name, way)
  local prefix = way .. "_ring_"
  local function numbers(list)
    local items = {}
    for i, item in ipairs(list) do
      items[i] = { field = prefix .. item[1], as = item[2] }
    end
    return items
  end
  local list = numbers {
    { "block_size", "blk_size:%d" }, { "blocks", ",blk_nr:%d" },
    { "frame_size", ",frm_size:%d" }, { "frames", ",frm_nr:%d" },
  }
  if way == "rx" then
    list[#list + 1] =
      { field = "rx_ring_timeout", as = ",tmo:%d", unit = "ms", otherwise = ",tmo:0" }
    list[#list + 1] =
      { when = { rx_ring_features = "rxhash" }, ",features:0x1", otherwise = ",features:0x0" }
  else
    list[#list + 1] = ",tmo:0,features:0x0" -- of sending there are none
  end
  list.when = { [prefix .. "block_size"] = true }
  list.before = (opt.oneline and " " or "\n\t") .. name .. "("
  list.after = ")"
  return list
end

local function packet_details(opt)
  local list = { parts.users(opt) }
  local line = opt.oneline and " " or "\n\t"
  if opt.extended then
    list[#list + 1] = {
      parts.identity,
      {
        when = { ring_version = true },
        { field = "ring_version", as = line .. "ver:%d" },
        { field = "copy_threshold", as = " cpy_thresh:%d" },
        " flags( ",
        { first = {
          { each = "flags", map = {
            running = "running", auxdata = " auxdata", origdev = " origdev",
            vnethdr = " vnethdr", loss = " loss",
          } },
          "0",
        } },
        " )",
      },
      ring(opt, "ring_rx", "rx"), ring(opt, "ring_tx", "tx"),
      {
        when = { fanout = true },
        line, "fanout(",
        { field = "fanout", as = "id:%d," },
        { field = "fanout_type", map = {
          hash = "type:hash", lb = "type:lb", cpu = "type:cpu", rollover = "type:roll",
          rnd = "type:random", qm = "type:qm",
        }, as = "type:0x%x" },
        ")",
      },
    }
  end
  if opt.bpf then
    list[#list + 1] = {
      when = { { "filter_length", ">=", 0 } },
      line, "bpf filter (", { field = "filter_length", as = "%d" }, "): ",
      { value = function(record)
        local items = {}
        for i, item in ipairs(record.filter or {}) do
          local code, jt, jf, k = item:match "(%d+) (%d+) (%d+) (%d+)"
          items[i] = (" 0x%02x %s %s %s,"):format(tonumber(code), jt, jf, k)
        end
        return table.concat(items)
      end },
    }
  end
  if opt.memory then
    list[#list + 1] = parts.memory
  end
  return list
end

function other.packet(opt)
  return {
    { field = "type", map = { raw = "p_raw" }, as = "p_dgr%.0s", otherwise = "p_dgr" },
    parts.state, parts.queue "recvq", "0     ",
    {
      { field = "protocol_number", map = opt.numeric and { [3] = "*" } or ethertypes, as = "[%d]" },
      ":",
    },
    { field = "dev", otherwise = "*" },
    "*", "",
    packet_details(opt),
  }
end

-- ---- netlink -------------------------------------------------------------------------------

-- Names of <linux/netlink.h>'s families, unless /etc/iproute2/nl_protos has others.
local families = {
  [0] = "rtnl", "unused", "usersock", "fw", "tcpdiag", "nflog", "xfrm", "selinux", "iscsi",
  "audit", "fiblookup", "connector", "nft", "ip6fw", "dec-rt", "uevent", "genl",
  [18] = "scsi-trans", [19] = "ecryptfs", [20] = "rdma", [21] = "crypto",
}
local families_read

local function family_names()
  if families_read then
    return families
  end
  families_read = true
  local file = io.open "/etc/iproute2/nl_protos"
  for line in file and file:lines() or function() end do
    local number, name = line:match "^%s*(%w+)%s+(%S+)"
    number = number and math.tointeger(tonumber(number))
    if number and number >= 0 and number < 256 and name:sub(1, 1) ~= "#" then
      families[number] = name
    end
  end
  if file then
    file:close()
  end
  return families
end

-- A port is most often the pid of the program: then its name, cut at the first parenthesis.
local function port_name(record)
  local port = record.port_id
  if port == 0 then
    return "kernel"
  elseif port == 0xffffffff then
    return "*"
  end
  local pid = port << 32 >> 32
  if pid >= 1 << 31 then
    pid = pid - (1 << 32)
  end
  local path = ("%s/%d/stat"):format(os.getenv "PROC_ROOT" or "/proc", pid)
  local file = pid > 0 and io.open(path)
  if not file then
    return ("%d"):format(pid)
  end
  local stat = file:read "a" or ""
  file:close()
  local name = stat:match "^%s*%-?%d+ %(([^)]+)"
  return name and ("%s/%d"):format(name, pid) or ("%d"):format(pid)
end

function other.netlink(opt)
  local details = {}
  if opt.contexts or opt.sock_contexts then
    details[1] = " proc_ctx=unavailable"
  end
  if opt.extended then
    details[#details + 1] = {
      { field = "kernel_pointer", as = " sk=%x", otherwise = " sk=0" },
      { field = "dump_callback", as = " cb=%x", otherwise = " cb=0" },
      { field = "groups_mask", as = " groups=0x%08x", otherwise = " groups=0x00000000" },
    }
  end
  if opt.memory then
    details[#details + 1] = {
      when = { rcvbuf = true },
      "\t", parts.memory,
    }
  end
  local port = { value = port_name }
  if opt.numeric then
    port = { field = "port_id", map = { [-1] = "*" }, as = "%d", wrap = 32 }
  end
  return {
    "nl", "UNCONN", parts.queue "recvq", parts.queue "sendq",
    {
      { field = "protocol_number", map = not opt.numeric and family_names() or nil, as = "%d" },
      ":",
    },
    port,
    { first = {
      when({ state = "established" }, { field = "dst_group", as = "%d:", otherwise = "0:" }),
      "*",
    } },
    when({ state = "established" },
      { field = "dst_port_id", as = "%d", wrap = 32, otherwise = "0" }),
    details,
  }
end

-- ---- vsock ---------------------------------------------------------------------------------

function other.vsock(opt)
  local any = { any = "*:" }
  return {
    { field = "type", map = { stream = "v_str", dgram = "v_dgr" }, as = "???%.0s" },
    parts.state, "0     ", "0     ",
    { field = "local_cid", map = any, as = "%u:" },
    { field = "local_port", as = "%u", otherwise = "*" },
    { field = "remote_cid", map = any, as = "%u:" },
    { field = "remote_port", as = "%u", otherwise = "*" },
    parts.users(opt),
  }
end

-- ---- tipc ----------------------------------------------------------------------------------

function other.tipc(opt)
  local details = { opt.extended and parts.identity or "", parts.users(opt) }
  if opt.tipcinfo then
    details[#details + 1] = {
      opt.oneline and " type:" or "\n type:",
      { field = "type", map = {
        stream = "STREAM", dgram = "DGRAM", rdm = "RDM", seqpacket = "SEQPACKET",
      } },
      { first = {
        when({ link_congested = true }, " cong:link "),
        when({ conn_congested = true }, " cong:conn "),
        " cong:none ",
      } },
      { field = "drops", as = " drop:%d " },
      when({ published = true }, " publ"),
      { field = "service_type", as = " via {%u," },
      { field = "service_instance", as = "%u} " },
    }
  end
  return {
    { field = "type", map = {
      stream = "ti_st", dgram = "ti_dg", rdm = "ti_rd", seqpacket = "ti_sq",
    }, as = "???%.0s" },
    parts.state, parts.queue "recvq_messages", parts.queue "sendq_messages",
    { field = "local_node", as = "%u:" }, { field = "local_port", as = "%u" },
    { first = { { field = "remote_node", as = "%u:" }, "-" } },
    { field = "remote_port", as = "%u" },
    details,
  }
end

-- ---- xdp -----------------------------------------------------------------------------------

local function xdp_ring(name, field)
  return { field = field, as = name .. "(entries:%u)" }
end

function other.xdp(opt)
  local line = opt.oneline and " " or "\n\t"
  local details = { parts.users(opt) }
  if opt.extended then
    details[#details + 1] = {
      parts.identity,
      xdp_ring(line .. "rx", "rx_entries"), xdp_ring(line .. "tx", "tx_entries"),
      {
        when = { umem_id = true },
        opt.oneline and " tumem(" or "\n\tumem(",
        { field = "umem_id", as = "id:%u" }, { field = "umem_size", as = ",size:%u" },
        { field = "umem_pages", as = ",num_pages:%u" },
        { field = "umem_chunk_size", as = ",chunk_size:%u" },
        { field = "umem_headroom", as = ",headroom:%u" },
        { field = "umem_dev_index", as = ",ifindex:%u", otherwise = ",ifindex:0" },
        { field = "umem_queue", as = ",qid:%u" }, { field = "umem_zerocopy", as = ",zc:%u" },
        { field = "umem_refs", as = ",refs:%u" }, ")",
      },
      xdp_ring(line .. "fr", "fill_entries"), xdp_ring(line .. "cr", "completion_entries"),
      {
        when = { rx_dropped = true },
        line, "stats(",
        { field = "rx_dropped", as = "rx dropped:%u" },
        { field = "rx_invalid", as = ",rx invalid:%u" },
        { field = "rx_full", as = ",rx queue full:%u" },
        { field = "fill_empty", as = ",rx fill ring empty:%u" },
        { field = "tx_invalid", as = ",tx invalid:%u" },
        { field = "tx_empty", as = ",tx ring empty:%u" }, ")",
      },
    }
  end
  if opt.memory then
    details[#details + 1] = parts.memory
  end
  return {
    "xdp", parts.state, parts.queue "recvq", "0     ",
    { first = { { field = "dev", after = ":" }, "*" } },
    { field = "queue", as = "q%d", wrap = 32, otherwise = "" },
    "*", "",
    details,
  }
end

return other
