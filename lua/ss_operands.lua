-- ss_operands: the words of ss's filters and what single ones stand for: operators, numbers as C
-- reads them, addresses, services, devices, states. A part of ss_filter and ss_words; it knows
-- no expression and no condition.
--
-- A word that stands for nothing raises {text=, code=, usage=}: what ss says to it, its exit code,
-- and whether its usage follows.

local connsh, links = connsh, links
local error, ipairs, math, io, string = error, ipairs, math, io, string
local table, tonumber = table, tonumber

local operands = {}

-- ---- words -------------------------------------------------------------------------------------

local operators = {
  ["!"] = "not", ["not"] = "not", ["&"] = "and", ["&&"] = "and", ["and"] = "and", ["|"] = "or",
  ["||"] = "or", ["or"] = "or", ["("] = "(", [")"] = ")", [">"] = ">", gt = ">", ["<"] = "<",
  lt = "<", [">="] = ">=", ge = ">=", geq = ">=", ["<="] = "<=", le = "<=", leq = "<=",
  ["!="] = "!=", ne = "!=", neq = "!=", ["="] = "=", ["=="] = "=", eq = "=",
}
-- What a predicate is about, and how its operand is read.
local predicates = {
  dst = "host", src = "host", dport = "port", sport = "port", dev = "dev", fwmark = "mark",
  cgroup = "cgroup", autobound = "autobound",
}

-- And which operators each takes.
local comparisons = { ["="] = true, ["!="] = true, ["<"] = true, ["<="] = true, [">"] = true,
  [">="] = true }
local equalities = { ["="] = true, ["!="] = true }
local only_equal = { ["="] = true }
local allowed = { host = only_equal, port = comparisons, dev = equalities, mark = equalities,
  cgroup = equalities }

-- The next token of the text from `at` on, and where it ended; nil: there is none. A backslash
-- takes the next character as it is.
local function token(text, at)
  at = text:find("[^ \t]", at)
  if not at then
    return nil
  end
  local out = {}
  while at <= #text do
    local c = text:sub(at, at)
    if c == " " or c == "\t" then
      break
    elseif c == "\\" then
      at = at + 1
      c = text:sub(at, at)
    end
    out[#out + 1] = c
    at = at + 1
  end
  return table.concat(out), at
end

-- ---- numbers as C reads them -------------------------------------------------------------------

-- Like strtol with base 0: the number and what is behind it; nil: none. Above 64 bits it stays at
-- the bound.
local function strtol(text)
  local sign, rest = text:match("^[ \t]*([-+]?)(.*)$")
  local digits, base = rest:match("^0[xX](%x+)"), 16
  local behind
  if digits then
    behind = rest:sub(#digits + 3)
  elseif rest:find("^0") then
    digits = rest:match("^[0-7]+")
    base, behind = 8, rest:sub(#digits + 1)
  else
    digits = rest:match("^%d+")
    if not digits then
      return nil
    end
    base, behind = 10, rest:sub(#digits + 1)
  end
  local significant = digits:gsub("^0+", "")
  local most = base == 16 and 15 or base == 10 and 18 or 20
  local n = #significant > most and math.maxinteger or tonumber("0" .. significant, base)
  return sign == "-" and -n or n, behind
end

-- A whole text that is such a number between the two, or nil.
local function whole(text, least, most)
  local n, rest = strtol(text)
  return n and rest == "" and n >= least and n <= most and n or nil
end

local INT_MIN, INT_MAX, U32 = -0x80000000, 0x7fffffff, 0xffffffff

-- "1", "0x10/0xff" -> mark and mask, as scanf's %i/%i reads them; nil: none. What is behind a
-- number is passed over, but for a / that no number follows.
local function parse_mark(text)
  local function scan(s)
    local n, rest = strtol(s)
    if n and n == 0 and rest:find("^[xX]") then
      rest = rest:sub(2) -- scanf takes 0x without digits
    end
    return n and n & U32, rest
  end
  local mark, rest = scan(text)
  if not mark then
    return nil
  end
  if not text:find("/", 1, true) then
    return mark, U32
  end
  local mask = rest:sub(1, 1) == "/" and scan(rest:sub(2)) or nil
  if not mask then
    return nil
  end
  return mark, mask
end

-- ---- addresses ---------------------------------------------------------------------------------

-- "10", "10.1", "0x7f.0.0.1": bytes, the missing ones 0; nil: none.
local function parse_v4(text)
  local bytes = {}
  for part in (text .. "."):gmatch("([^.]*)%.") do
    local n = whole(part, 0, 255)
    if not n or #bytes == 4 then
      return nil
    end
    bytes[#bytes + 1] = string.char(n)
  end
  return table.concat(bytes) .. ("\0"):rep(4 - #bytes)
end

-- Words of 16 bits of a part of an IPv6 address; the last may be an IPv4 address.
local function groups(text, last)
  local out = {}
  if text == "" then
    return out
  end
  for part, colon in (text .. ":"):gmatch("([^:]*)(:)") do
    if part:find("^%x%x?%x?%x?$") then
      out[#out + 1] = string.pack(">I2", tonumber(part, 16))
    else
      local quad = { part:match("^(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)%.(%d%d?%d?)$") }
      if not last or not quad[1] or colon ~= ":" then
        return nil
      end
      for i, n in ipairs(quad) do
        if tonumber(n) > 255 or n:find("^0%d") then
          return nil
        end
        quad[i] = string.char(tonumber(n))
      end
      out[#out + 1] = quad[1] .. quad[2]
      out[#out + 1] = quad[3] .. quad[4]
      last = false
    end
  end
  return out
end

-- An IPv6 address (RFC 4291 2.2) as 16 bytes; nil: it is none.
local function parse_v6(text)
  local head, tail = text:match("^(.-)::(.*)$")
  local left, right
  if head then
    left, right = groups(head, false), groups(tail, true)
    if not left or not right or #left + #right > 7 then
      return nil
    end
  else
    left, right = groups(text, true), {}
    if not left or #left ~= 8 then
      return nil
    end
  end
  return table.concat(left) .. ("\0\0"):rep(8 - #left - #right) .. table.concat(right)
end

-- "8", "255.0.0.0" -> bits; nil: no mask.
local function parse_bits(text, bytes)
  local n = whole(text, 0, #bytes * 8)
  if n or #bytes ~= 4 then
    return n
  end
  local mask = text:find(".", 1, true) and parse_v4(text)
  mask = mask and string.unpack(">I4", mask)
  for bits = 0, 32 do
    if mask == (U32 << (32 - bits)) & U32 then
      return bits
    end
  end
end

-- The first bits of the text of bytes, the rest 0.
local function masked(bytes, bits)
  local out = {}
  for i = 1, #bytes do
    local left = math.max(0, math.min(8, bits - (i - 1) * 8))
    out[i] = string.char(bytes:byte(i) & ((0xff << (8 - left)) & 0xff))
  end
  return table.concat(out)
end

-- Bytes and a length as the library reads a prefix.
local function prefix_text(bytes, bits)
  bytes = masked(bytes, bits)
  local parts = {}
  if #bytes == 4 then
    return string.format("%d.%d.%d.%d/%d", bytes:byte(1), bytes:byte(2), bytes:byte(3),
      bytes:byte(4), bits)
  end
  for i = 1, 15, 2 do
    parts[#parts + 1] = string.format("%x", string.unpack(">I2", bytes, i))
  end
  return table.concat(parts, ":") .. "/" .. bits
end

local function is_mapped(bytes)
  return #bytes == 16 and bytes:sub(1, 12) == ("\0"):rep(10) .. "\255\255"
end

-- ---- what ss knows by name ---------------------------------------------------------------------

local state_bits = { -- <net/tcp_states.h>; no socket is in state 0, but ss has the word
  unknown = 0, established = 1, ["syn-sent"] = 2, ["syn-recv"] = 3, ["syn-rcv"] = 3,
  ["fin-wait-1"] = 4, ["fin-wait-2"] = 5, ["time-wait"] = 6, closed = 7, close = 7, unconnected = 7,
  ["close-wait"] = 8, ["last-ack"] = 9, listening = 10, closing = 11,
}
local state_groups = {
  all = {}, connected = { 7, 10 }, synchronized = { 7, 10, 2 }, big = { 3, 6 },
}

-- The states that a word stands for, as a list of numbers; nil: it is none. State 0, which no
-- socket has, is in the sets that are all but some: it keeps a mask of one state from being one.
local function states_of(word)
  word = word:lower()
  if state_bits[word] then
    return { state_bits[word] }
  elseif word == "bucket" then
    return { 3, 6 }
  elseif not state_groups[word] then
    return nil
  end
  local without, list = {}, {}
  for _, state in ipairs(state_groups[word]) do
    without[state] = true
  end
  for state = 0, 11 do
    if not without[state] then
      list[#list + 1] = state
    end
  end
  return list
end

-- Ethernet types (<linux/if_ether.h>) by the names that ss has for them.
local ethertypes = {
  loop = 0x60, pup = 0x200, pupat = 0x201, ip = 0x800, x25 = 0x805, arp = 0x806, bpq = 0x8ff,
  ieeepup = 0xa00, ieeepupat = 0xa01, dec = 0x6000, dna_dl = 0x6001, dna_rc = 0x6002,
  dna_rt = 0x6003, lat = 0x6004, diag = 0x6005, cust = 0x6006, sca = 0x6007, rarp = 0x8035,
  atalk = 0x809b, aarp = 0x80f3, ipx = 0x8137, ipv6 = 0x86dd, ppp_disc = 0x8863,
  ppp_ses = 0x8864, atmmpoa = 0x884c, atmfate = 0x8884, ["802_3"] = 1, ax25 = 2, all = 3,
  ["802_2"] = 4, snap = 5, ddcmp = 6, wan_ppp = 7, ppp_mp = 8, localtalk = 9, can = 0xc,
  ppptalk = 0x10, tr_802_2 = 0x11, mobitex = 0x15, control = 0x16, irda = 0x17, econet = 0x18,
  tipc = 0x88ca, profinet = 0x8892, aoe = 0x88a2, ethercat = 0x88a4, ["802.1q"] = 0x8100,
  ["802.1ad"] = 0x88a8, mpls_uc = 0x8847, mpls_mc = 0x8848, teb = 0x6558, lldp = 0x88cc,
}

local netlink_names

-- Numbers of netlink families by the names of iproute2, which has them in a file.
local function netlink_protocol(name)
  if not netlink_names then
    netlink_names = {
      rtnl = 0, unused = 1, usersock = 2, fw = 3, tcpdiag = 4, nflog = 5, xfrm = 6, selinux = 7,
      iscsi = 8, audit = 9, fiblookup = 10, connector = 11, nft = 12, ip6fw = 13,
      ["dec-rt"] = 14, uevent = 15, genl = 16, ["scsi-trans"] = 18, ecryptfs = 19, rdma = 20,
      crypto = 21,
    }
    local file = io.open("/etc/iproute2/nl_protos")
    for line in file and file:lines() or function() end do
      local number, word = line:match("^%s*(%w+)%s+([^%s#]+)")
      number = number and whole(number, 0, 255)
      if number then
        netlink_names[word] = number
      end
    end
    if file then
      file:close()
    end
  end
  return netlink_names[name] or whole(name, 0, 255)
end

-- The index of a device by its name, one of its other names, "if7" or, as ioctl(2) has it, the
-- name up to a colon; nil: there is none.
local function device(name, where)
  local function find(wanted)
    for link in links { netns = where } do
      if link.name == wanted then
        return link.index
      end
      for _, other in ipairs(link.altnames or {}) do
        if other == wanted then
          return link.index
        end
      end
    end
  end
  if name == "" then
    return nil
  end
  local index = find(name) or find(name:match("^[^:]*"))
  if index then
    return index
  end
  local n = name:match("^if(-?%d+)")
  return n and math.tointeger((tonumber(n) // 1) & U32) or nil
end

-- ---- operands ----------------------------------------------------------------------------------

-- A refusal of the filter: what ss says, its exit code, and whether it prints its usage.
local function refuse(text, code, usage)
  error({ text = text, code = code, usage = usage }, 0)
end

local function syntax_error()
  refuse('ss: bison bellows (while parsing filter): "syntax error!" Sorry.', 255, true)
end

local bad_address = "Cannot parse dst/src address."

local function not_port(text)
  refuse('Error: "' .. text .. '" does not look like a port.\n' .. bad_address, 1)
end

-- The number of a port or a service of the tables that are asked for.
local function inet_port(r, text)
  if text == "" or text:find("^%*") then
    return -1
  end
  local n = whole(text, INT_MIN, INT_MAX)
  if n then
    return n
  end
  local udp = r.tables.udp and connsh.service(text, "udp")
  local tcp = r.tables.tcp and connsh.service(text, "tcp")
  return tcp or udp or not_port(text)
end

-- The addresses of a host. In families that have no names (xdp, tipc) an IPv4 address is its own,
-- as gethostbyname2(3) has it.
local function host_addresses(name, family)
  if not family or family == "inet" or family == "inet6" then
    return connsh.resolve(name, family)
  end
  return parse_v4(name) and { name } or {}
end

-- One prefix, or all that a host name stands for; nil and the family: any address.
local function inet_addresses(text, family)
  local function bad()
    refuse('Error: an inet prefix is expected rather than "' .. text .. '".\n' .. bad_address, 1)
  end
  if text == "any" or text == "all" or text == "default" then
    return nil, family
  end
  local address, length = text:match("^([^/]*)/(.*)$")
  address = address or text
  local bytes = address:find(":", 1, true) and parse_v6(address) or nil
  if not bytes and not address:find(":", 1, true) then
    bytes = parse_v4(address)
  end
  if bytes and family and family ~= (#bytes == 4 and "inet" or "inet6") then
    bytes = nil
  end
  if bytes then
    local bits = length and parse_bits(length, bytes) or not length and #bytes * 8
    return { { bytes = bytes, bits = bits or bad() } }
  end
  local list = {}
  for _, known in ipairs(length and {} or host_addresses(address, family)) do
    local raw = known:find(":", 1, true) and parse_v6(known) or parse_v4(known)
    list[#list + 1] = { bytes = raw, bits = #raw * 8 }
  end
  return #list > 0 and list or bad()
end

-- A, A/LEN, A:PORT, :PORT, *, [A]:PORT ... (or a PORT alone).
local function inet_operand(r, text, is_port, family)
  local host = { port = -1 }
  local address, port = text, nil
  if text:find("^%[") then
    address, port = text:match("^%[([^%]]*)%](.*)$")
    if not address then
      refuse(bad_address, 1)
    end
    port = port:gsub("^:", "", 1)
  elseif not is_port and text:find("^%*") then
    address, port = "", (text:sub(2):gsub("^:", "", 1))
  elseif not is_port then
    -- the last colon, but in front of a length it is the address's own
    local slash = text:find("/", 1, true) or 1
    local colon = text:sub(slash):find(":[^:]*$")
    if colon then
      address, port = text:sub(1, slash + colon - 2), text:sub(slash + colon)
    end
  end
  if is_port then
    address, port = "", (address:gsub("^:", "", 1))
  end
  host.port = port and inet_port(r, port) or -1
  if address ~= "" and not address:find("^%*") then
    host.list, host.family = inet_addresses(address, family)
  end
  return host
end

-- The pieces of ADDRESS:PORT of the families that are not of inet.
local function split(text, is_port)
  if is_port then
    return "", (text:gsub("^:", "", 1)), true
  end
  local address, port = text:match("^([^:]*):(.*)$")
  return address or text, port or "", port ~= nil
end

local function number_operand(address, port)
  local host = { port = port }
  if address then
    host.list = { { bytes = string.pack("=I4", address), bits = 32 } }
  end
  return host
end

local function any(text)
  return text == "" or text == "*"
end

local function link_operand(r, text, is_port)
  local address, port = split(text, is_port)
  local proto, index
  if not any(address) then
    proto = ethertypes[address:lower()] or whole(address, 0, 0xffff) or refuse(bad_address, 1)
  end
  if not any(port) then
    index = device(port, r.netns) or whole(port, INT_MIN, INT_MAX) or refuse(bad_address, 1)
  end
  return number_operand(proto, index or -1)
end

local function netlink_operand(_, text, is_port)
  local address, port = split(text, is_port)
  local proto, id
  if not any(address) then
    proto = netlink_protocol(address) or refuse(bad_address, 1)
  end
  if not any(port) then
    id = port == "kernel" and 0 or whole(port, INT_MIN, INT_MAX) or refuse(bad_address, 1)
  end
  return number_operand(proto, id or -1)
end

local function vsock_operand(_, text, is_port)
  local address, port, has_port = split(text, is_port)
  local cid, number
  if not any(address) then
    cid = whole(address, 0, U32) or refuse(bad_address, 1)
  end
  if has_port and port ~= "*" then
    number = whole(port, 0, U32) or refuse(bad_address, 1)
    number = number > INT_MAX and number - U32 - 1 or number
  end
  return number_operand(cid, number or -1)
end

local function unix_operand(_, text)
  return { port = -1, pattern = text }
end

-- Families with a form of their own.
local readers = {
  unix = unix_operand, link = link_operand, netlink = netlink_operand, vsock = vsock_operand,
}

-- An operand of src, dst, sport or dport. A prefix wins over the family of the options, and the
-- family of one operand is that of those behind it.
local function host_operand(r, text, is_port)
  local family = r.family or r.default_family
  local name, rest = text:match("^(%w+):(.*)$")
  if readers[name] or name == "inet" or name == "inet6" then
    family, text = name, rest
  end
  r.family = family
  return (readers[family] or inet_operand)(r, text, is_port, family)
end

local function dev_operand(r, text)
  return device(text, r.netns) or whole(text, 0, INT_MAX)
    or refuse("Cannot parse device.", 1)
end

local function cgroup_operand(text)
  local id, why = connsh.cgroup_id(text)
  return id or refuse("Failed to get cgroup2 ID: " .. why .. "\nCannot parse cgroup " .. text
    .. ".", 1)
end

operands.operators, operands.predicates, operands.token = operators, predicates, token
operands.comparisons, operands.equalities, operands.allowed = comparisons, equalities, allowed
operands.whole, operands.parse_mark = whole, parse_mark
operands.U32, operands.INT_MAX = U32, INT_MAX
operands.parse_v6, operands.masked = parse_v6, masked
operands.prefix_text, operands.is_mapped = prefix_text, is_mapped
operands.states_of, operands.state_groups = states_of, state_groups
operands.netlink_protocol = netlink_protocol
operands.refuse, operands.syntax_error = refuse, syntax_error
operands.inet_addresses, operands.split, operands.any = inet_addresses, split, any
operands.host, operands.dev, operands.cgroup = host_operand, dev_operand, cgroup_operand

return operands
