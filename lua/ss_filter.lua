-- ss_filter: the filters of ss, as conditions of this library.
--
--   f = ss_filter.new{words={"state", "established", "sport = 80"}, tables={tcp=true}}
--   sockets{proto="tcp", state=..., f:conditions("inet")}
--   sockets(ss_filter.words("state established and sport = :80"))
--
-- new() reads what ss 6.1.0 reads, as it does: `and` and `or` have one precedence, an operand is
-- read by the last predicate, words of state stand first only. words() is for people: its text
-- is read with the precedence of the manual, not before and before or, and states may stand
-- anywhere. A row of ss has passed two tests, the program that the kernel runs and the same
-- expression on the row, which differ here and there; see conditions().

local connsh, links, limits = connsh, links, limits
local assert, error, ipairs, math, pcall = assert, error, ipairs, math, pcall
local io, setmetatable, string, table, tonumber = io, setmetatable, string, table, tonumber
local tostring, type = tostring, type

local ss_filter = {}

-- ---- words ------------------------------------------------------------------------------------

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

-- The text of a file for ss -F as words for new(): its lines, without those that begin with # or
-- 0. Nil and the error of ss when a line is too long for it.
function ss_filter.file_words(text)
  local words = {}
  for line, ending in text:gmatch("([^\n]*)(\n?)") do
    if #line + #ending > 1022 then
      return nil, { text = "Too long line in filter", code = 255 }
    end
    if line ~= "" and not line:find("^[#0]") then
      words[#words + 1] = line
    end
  end
  return words
end

-- ---- numbers as C reads them --------------------------------------------------------------------

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

-- ---- addresses ----------------------------------------------------------------------------------

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

-- ---- what ss knows by name ----------------------------------------------------------------------

local state_bits = { -- <net/tcp_states.h>
  established = 1, ["syn-sent"] = 2, ["syn-recv"] = 3, ["syn-rcv"] = 3, ["fin-wait-1"] = 4,
  ["fin-wait-2"] = 5, ["time-wait"] = 6, closed = 7, close = 7, unconnected = 7,
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
  return netlink_names[name] or whole(name, 0, U32)
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

-- ---- operands -----------------------------------------------------------------------------------

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
  if bytes and family and (#bytes == 4) ~= (family == "inet") then
    bytes = nil
  end
  if bytes then
    local bits = length and parse_bits(length, bytes) or not length and #bytes * 8
    return { { bytes = bytes, bits = bits or bad() } }
  end
  local list = {}
  for _, known in ipairs(length and {} or connsh.resolve(address, family)) do
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

-- In the order in which ss tries them: a family has its own form always, others need the prefix.
local families = {
  { name = "unix", read = unix_operand }, { name = "link", read = link_operand },
  { name = "netlink", read = netlink_operand }, { name = "vsock", read = vsock_operand },
}

-- An operand of src, dst, sport or dport.
local function host_operand(r, text, is_port)
  local family = r.default_family
  for _, f in ipairs(families) do
    local own = text:sub(1, #f.name + 1) == f.name .. ":"
    if own or family == f.name then
      r.family = f.name
      return f.read(r, own and text:sub(#f.name + 2) or text, is_port)
    end
  end
  for _, name in ipairs { "inet", "inet6" } do
    if text:sub(1, #name + 1) == name .. ":" then
      family, text = name, text:sub(#name + 2)
      break
    end
  end
  r.family = family or r.family
  -- families without a form of their own have no addresses that could be read
  return inet_operand(r, text, is_port, family)
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

-- ---- the parser ---------------------------------------------------------------------------------

-- Trees: {"and"|"or", a, b}, {"not", a}, {"host", side, host}, {"ge"|"le", side, port},
-- {"dev", index}, {"mark", mark, mask}, {"cgroup", id}, {"autobound"}.

local function next_word(r)
  while r.line do
    local word, at = token(r.line, r.at)
    if word then
      r.at = at
      return word
    end
    r.number = r.number + 1
    r.line, r.at = r.lines[r.number], 1
  end
end

-- Reads the token at hand: r.token is its kind ("word": an operand, in r.value; nil: the end).
local function advance(r)
  local word = next_word(r)
  r.word, r.value = word, nil
  if not word then
    r.token = nil
  elseif operators[word] then
    r.token = operators[word]
  elseif predicates[word] then
    r.token, r.sticky = "predicate", predicates[word]
  else
    r.token = "operand"
    if r.sticky == "dev" then
      r.value = dev_operand(r, word)
    elseif r.sticky == "mark" then
      local mark, mask = parse_mark(word)
      r.value = mark and { mark, mask } or refuse("Cannot parse mark " .. word .. ".", 1)
    elseif r.sticky == "cgroup" then
      r.value = cgroup_operand(word)
    else
      r.value = host_operand(r, word, r.sticky == "port")
    end
  end
end

local comparisons = { ["="] = true, ["!="] = true, ["<"] = true, ["<="] = true, [">"] = true,
  [">="] = true }
local equalities = { ["="] = true, ["!="] = true }
local only_equal = { ["="] = true }
local allowed = { host = only_equal, port = comparisons, dev = equalities, mark = equalities,
  cgroup = equalities }

local function comparison(side, op, host)
  if op == "=" then
    return { "host", side, host }
  elseif op == "!=" then
    return { "not", { "host", side, host } }
  end
  local tree = { (op == ">=" or op == "<") and "ge" or "le", side, host.port }
  return (op == "<" or op == ">") and { "not", tree } or tree
end

-- A predicate with its operand, from the token at hand; the one behind it is read.
local function predicate(r)
  local word, kind = r.word, r.sticky
  advance(r)
  if kind == "autobound" then
    return { "autobound" }
  end
  local op = "="
  if comparisons[r.token] then
    op = r.token
    if not allowed[kind][op] then
      r.fail(r)
    end
    advance(r)
  end
  if r.token ~= "operand" then
    r.fail(r)
  end
  local value = r.value
  local tree
  advance(r)
  if kind == "host" or kind == "port" then
    return comparison(word:sub(1, 1) == "s" and "local" or "remote", op, value)
  elseif kind == "mark" then
    tree = { "mark", value[1], value[2] }
  else
    tree = { kind, value }
  end
  return op == "!=" and { "not", tree } or tree
end

local expression

-- A predicate, one behind not, or an expression in parentheses.
local function single(r)
  if r.token == "not" then
    advance(r)
    return { "not", single(r) }
  elseif r.token == "(" then
    advance(r)
    local tree = expression(r)
    if r.token ~= ")" then
      r.fail(r)
    end
    advance(r)
    return tree
  elseif r.token == "predicate" then
    return predicate(r)
  end
  return r.fail(r)
end

-- What may stand behind a whole one: and, or, or nothing between.
local function begins(r)
  return r.token == "not" or r.token == "(" or r.token == "predicate" or r.token == "state"
end

-- As ss has it: from left to right, whether and or or.
function expression(r)
  local tree = single(r)
  while r.token == "and" or r.token == "or" or begins(r) do
    local op = r.token == "or" and "or" or "and"
    if not begins(r) then
      advance(r)
    end
    tree = { op, tree, single(r) }
  end
  return tree
end

-- Words of state in front: the set of states, or nil, and the number of the first other word.
local function read_states(words)
  local states, at = nil, 1
  while words[at] == "state" or words[at] == "exclude" or words[at] == "excl" do
    local adds = words[at] == "state"
    local word = words[at + 1]
    if not word then
      refuse('Command line is not complete. Try option "help"', 255)
    end
    local list = states_of(word) or refuse("ss: wrong state name: " .. word, 255)
    if not states then
      states = {}
      for state = 0, 11 do
        states[state] = not adds or nil
      end
    end
    for _, state in ipairs(list) do
      states[state] = adds or nil
    end
    at = at + 2
  end
  return states, at
end

-- ---- the tests of ss, as conditions -------------------------------------------------------------

-- Conditions are built of true, false and tables, constants folded.

local function is_not(c)
  if type(c) == "boolean" then
    return not c
  end
  return c[1] == "not" and c[2] or { "not", c }
end

-- Joins by "and" (unit true) or "or" (unit false).
local function join(word, unit, list)
  local out = { word }
  for _, c in ipairs(list) do
    if c == not unit then
      return not unit
    elseif type(c) == "table" and c[1] == word then
      table.move(c, 2, #c, #out + 1, out)
    elseif c ~= unit then
      out[#out + 1] = c
    end
  end
  if #out == 1 then
    return unit
  end
  return #out == 2 and out[2] or out
end

local function all(...)
  return join("and", true, { ... })
end

local function either(...)
  return join("or", false, { ... })
end

-- Does the constant stand in that relation?
local function constant(value, op, n)
  return op == "=" and value == n or op == ">=" and value >= n or op == "<=" and value <= n
end

-- field op n for whole numbers from lo to hi, where a row without the field has the number
-- absent (nil: every row has it).
local function compare(field, op, n, lo, hi, absent)
  local value
  if op == "=" then
    value = n >= lo and n <= hi and n ~= absent and { field, "=", n }
  elseif op == ">=" then
    value = n <= lo or n <= hi and { field, ">=", n }
  else
    value = n >= hi or n >= lo and { field, "<=", n }
  end
  if not absent then
    return value
  end
  local holds = constant(absent, op, n)
  if value == true then
    return holds or { field, "=", true }
  end
  return holds and either({ field, "=", false }, value) or value
end

-- The same of an unsigned number of 32 bits that ss holds as a signed one.
local function compare_signed(field, op, n, absent)
  local low = compare(field, op, n, 0, INT_MAX, nil)
  low = low == true and { field, "<=", INT_MAX } or low
  if op == ">=" and low and n > 0 then
    low = all(low, { field, "<=", INT_MAX })
  end
  local high = compare(field, op, n + U32 + 1, INT_MAX + 1, U32, nil)
  if n >= 0 then
    high = op == "<=" and { field, ">", INT_MAX } or false
  elseif high == true then
    high = { field, ">", INT_MAX }
  elseif op == "<=" and high then
    high = all(high, { field, ">", INT_MAX })
  end
  local holds = absent and constant(absent, op, n)
  return either(low, high, holds and { field, "=", false } or false)
end

-- Numbers from lo to hi whose 4 bytes, and 12 zeros behind them, have these first bits.
local function numbers_with(prefix, lo, hi)
  local out = {}
  local wanted = masked(prefix.bytes, prefix.bits)
  if masked(wanted:sub(5), 128) ~= ("\0"):rep(#wanted - 4) then
    return out
  end
  wanted = wanted:sub(1, 4)
  if prefix.bits >= 32 then
    local n = string.unpack("=I4", wanted)
    return { n >= lo and n <= hi and n or nil }
  end
  for n = lo, hi do
    if masked(string.pack("=I4", n), prefix.bits) == wanted then
      out[#out + 1] = n
    end
  end
  return out
end

local function begins_with_zeros(prefix)
  return not masked(prefix.bytes, prefix.bits):find("[^\0]")
end

-- A prefix for addresses of its family, and of IPv4 for mapped ones: the test of the kernel. (The
-- library takes a mapped pattern for its IPv4 form.)
local function own_family(field, prefix)
  local c = { field, "=", prefix_text(prefix.bytes, prefix.bits) }
  return is_mapped(prefix.bytes) and prefix.bits >= 96 and all({ field, "=", "::/0" }, c) or c
end

-- ss compares the first bits of what it has of an address, 16 bytes whatever its family; an IPv4
-- pattern holds for the mapped form too.
local function inet_address(field, prefix)
  local bits = prefix.bits
  if bits == 0 then
    return true
  end
  local own = own_family(field, prefix)
  if #prefix.bytes == 4 then
    local wide = prefix.bytes .. ("\0"):rep(12)
    return either(own, { field, "=", prefix_text(wide, bits) })
  end
  if begins_with_zeros({ bytes = prefix.bytes:sub(5), bits = math.max(0, bits - 32) }) then
    local short = prefix_text(prefix.bytes:sub(1, 4), math.min(bits, 32))
    return either(own, all({ "family", "=", "inet" }, { field, "=", short }))
  end
  return own
end

local sides = { ["local"] = { addr = "laddr", port = "lport" },
  remote = { addr = "raddr", port = "rport" } }

-- What each kind of row has for ss: port(side, op, n), address(side, prefix), pattern(side, text),
-- dev(index), autobound(filter), mark and cgroup where rows have them; those without have 0.
local kinds = {}

kinds.inet = {
  port = function(side, op, n)
    return compare(sides[side].port, op, n, 0, 65535)
  end,
  address = function(side, prefix)
    return inet_address(sides[side].addr, prefix)
  end,
  dev = function(index)
    return index == 0 and { "dev_index", "=", false } or { "dev_index", "=", index }
  end,
  mark = function(mark, mask)
    if mark & ~mask ~= 0 then
      return false
    end
    local c = { "mark", "=", mask == U32 and mark or mark .. "/" .. mask }
    return mark == 0 and either({ "mark", "=", false }, c) or c
  end,
  cgroup = function(id)
    return id ~= 0 and { "cgroup_id", "=", id }
  end,
}

-- A field of text that a condition names by its number, of 0 to most; without it the number is 0.
local function by_number(field, list, none)
  local texts, has_zero = {}, false
  for _, n in ipairs(list) do
    has_zero = has_zero or n == 0
    texts[#texts + 1] = tostring(n)
  end
  if #texts == 0 then
    return false
  end
  return either({ field, "=", texts }, has_zero and none and { field, "=", false } or false)
end

local function numbers_where(op, n, most)
  local list = {}
  for i = 0, most do
    if constant(i, op, n) then
      list[#list + 1] = i
    end
  end
  return list
end

-- In place of the port it has the protocol.
kinds.raw = setmetatable({
  port = function(side, op, n)
    if side == "remote" then
      return constant(0, op, n)
    end
    local list = numbers_where(op, n, 255)
    return #list == 256 or by_number("protocol", list, true)
  end,
}, { __index = kinds.inet })

local function zero_address(_, prefix)
  return begins_with_zeros(prefix)
end

-- ---- patterns of names --------------------------------------------------------------------------

local named_classes = { -- of the C locale
  alpha = "%a", digit = "%d", alnum = "%w", upper = "%u", lower = "%l", space = "%s",
  blank = "[ \t]", punct = "%p", print = "[%g ]", graph = "%g", cntrl = "%c", xdigit = "%x",
}

local function both_cases(set, byte)
  local c = string.char(byte)
  set[c:lower():byte()], set[c:upper():byte()] = true, true
end

-- A set of bytes as a class of the library's patterns.
local function class_text(set, negate)
  local out, caret = {}, {}
  for byte = 1, 255 do
    local c = string.char(byte)
    if set[byte] and (c == "]" or c == "!" or c == "^" or c == "-") then
      caret[c] = true
    elseif set[byte] then
      out[#out + 1] = c
    end
  end
  -- "]" counts as a member in front only, "-" at the end, and "!" and "^" not in front
  local text = (caret["]"] and "]" or "") .. table.concat(out) .. (caret["^"] and "^" or "")
    .. (caret["!"] and "!" or "")
  if text == "^" or text == "!" or text == "^!" then
    text = "\0" .. text -- no name has a NUL
  end
  return (negate and "[!" or "[") .. text .. (caret["-"] and "-" or "") .. "]"
end

-- Reads [...] at `at` of a pattern of fnmatch(3): the set, whether it is negated, and what is
-- behind it; nil: it is not closed, so the bracket stands for itself.
local function read_class(text, at)
  local set, first = {}, true
  local negate = text:find("^[!^]", at + 1) ~= nil
  at = at + (negate and 2 or 1)
  local function one(from)
    if text:sub(from, from) == "\\" then
      from = from + 1
    end
    return text:byte(from), from + 1
  end
  while at <= #text do
    if text:sub(at, at) == "]" and not first then
      return set, negate, at + 1
    end
    first = false
    local name, behind = text:match("^%[:(%l+):%]()", at)
    if name and named_classes[name] then
      for byte = 0, 255 do
        if string.char(byte):find("^" .. named_classes[name]) then
          both_cases(set, byte)
        end
      end
      at = behind
    else
      local from, next_at = one(at)
      if not from then
        return nil
      end
      if text:find("^%-[^%]]", next_at) then
        local to
        to, next_at = one(next_at + 1)
        for byte = from, to or from do
          both_cases(set, byte)
        end
      else
        both_cases(set, from)
      end
      at = next_at
    end
  end
end

-- A pattern of fnmatch(3) in any case of letters, as one of the library: text, does it hold for
-- the empty name.
local function case_blind(text)
  local out, at, empty = {}, 1, true
  while at <= #text do
    local c = text:sub(at, at)
    local set, negate, behind
    if c == "[" then
      set, negate, behind = read_class(text, at)
    end
    if set then
      out[#out + 1] = class_text(set, negate)
      at, empty = behind, false
    elseif c == "*" or c == "?" then
      out[#out + 1] = c
      at, empty = at + 1, empty and c == "*"
    else
      if c == "\\" and at < #text then
        at = at + 1
        c = text:sub(at, at)
      end
      if c:find("%a") then
        out[#out + 1] = "[" .. c:lower() .. c:upper() .. "]"
      else
        out[#out + 1] = c:find("[*?%[]") and "[" .. c .. "]" or c
      end
      at, empty = at + 1, false
    end
  end
  return table.concat(out), empty
end

local HEX = "[0-9a-f]"

kinds.unix = {
  port = function(side, op, n)
    return compare_signed(side == "local" and "inode" or "peer_inode", op, n, 0)
  end,
  -- ss has in its place where the name lies in its memory, or 0
  address = function(side, prefix)
    if prefix.bits == 0 or not begins_with_zeros(prefix) then
      return prefix.bits == 0
    end
    return side == "remote" or { "name", "=", false }
  end,
  pattern = function(side, text)
    local glob, empty = case_blind(text)
    if text:find("^%*+$") then
      return true
    elseif side == "remote" then
      return empty
    elseif text == "" then
      return { "name", "=", false }
    end
    return { "name", "=", glob }
  end,
  autobound = function()
    return { "name", "=", { false, "@" .. HEX:rep(5), "@" .. HEX:rep(5) .. "[!0-9a-f]*" } }
  end,
}

local function device_number(index, op)
  return compare("dev_index", op or "=", index, 1, INT_MAX, 0)
end

kinds.packet = {
  port = function(side, op, n)
    return side == "local" and device_number(n, op) or side == "remote" and constant(0, op, n)
  end,
  address = function(side, prefix)
    if side == "remote" then
      return begins_with_zeros(prefix)
    end
    return prefix.bits == 0 or by_number("protocol", numbers_with(prefix, 0, 0xffff), true)
  end,
  dev = device_number,
  autobound = function()
    return all({ "dev_index", "=", false }, { "protocol", "=", false })
  end,
}

kinds.netlink = {
  port = function(side, op, n)
    if side == "remote" then
      return constant(-1, op, n)
    end
    return compare_signed("port_id", op, n)
  end,
  address = function(side, prefix)
    if side == "remote" then
      return begins_with_zeros(prefix)
    end
    return prefix.bits == 0 or by_number("protocol", numbers_with(prefix, 0, 255), false)
  end,
  autobound = function()
    return { "port_id", ">", INT_MAX }
  end,
}

kinds.vsock = {
  port = function(side, op, n)
    return compare_signed(side == "local" and "local_port" or "remote_port", op, n, -1)
  end,
  address = function(side, prefix)
    local field = side == "local" and "local_cid" or "remote_cid"
    if prefix.bits == 0 then
      return true
    end
    local list = prefix.bits < 32 and numbers_with(prefix, 0, 0xffff)
      or numbers_with(prefix, 0, U32)
    return #list > 0 and { field, "=", list }
  end,
  autobound = function()
    return all({ "local_port", ">", 1023 }, { "local_port", "<=", INT_MAX })
  end,
}

-- It has a queue in place of the port, and no addresses.
kinds.xdp = {
  port = function(side, op, n)
    return side == "local" and compare_signed("queue", op, n, 0)
      or side == "remote" and constant(0, op, n)
  end,
  address = zero_address,
  dev = device_number,
  autobound = function(f)
    local lo, hi = f:local_ports()
    return { "queue", "=", lo .. "-" .. hi }
  end,
}

-- ---- the two evaluations ------------------------------------------------------------------------

-- On the row.
local function on_row(f, kind, tree)
  local what = tree[1]
  if what == "host" then
    local side, host = tree[2], tree[3]
    if host.pattern then
      return kind.pattern and kind.pattern(side, host.pattern) or false
    end
    local port = host.port == -1 or kind.port(side, "=", host.port)
    local address = true
    if host.list then
      local list = {}
      for i, prefix in ipairs(host.list) do
        list[i] = kind.address(side, prefix)
      end
      address = join("or", false, list)
    end
    return all(port, address)
  elseif what == "ge" or what == "le" then
    return kind.port(tree[2], what == "ge" and ">=" or "<=", tree[3])
  elseif what == "dev" then
    return kind.dev and kind.dev(tree[2]) or not kind.dev and tree[2] == 0
  elseif what == "mark" then
    return kind.mark and kind.mark(tree[2], tree[3]) or not kind.mark and tree[2] == 0
  elseif what == "cgroup" then
    return kind.cgroup and kind.cgroup(tree[2]) or false
  elseif kind.autobound then
    return kind.autobound(f)
  end
  return { "lport", "=", table.concat({ f:local_ports() }, "-") }
end

-- A whole tree on the row.
local function on_rows(f, kind, tree)
  local what = tree[1]
  if what == "not" then
    return is_not(on_rows(f, kind, tree[2]))
  elseif what == "and" then
    return all(on_rows(f, kind, tree[2]), on_rows(f, kind, tree[3]))
  elseif what == "or" then
    return either(on_rows(f, kind, tree[2]), on_rows(f, kind, tree[3]))
  end
  return on_row(f, kind, tree)
end

-- In the program that ss gives to the kernel: ports of 16 bits in orders, the first address of a
-- host only, and families that must agree.
local function in_kernel(f, kind, tree)
  local what = tree[1]
  if what == "ge" or what == "le" then
    return kind.port(tree[2], what == "ge" and ">=" or "<=", tree[3] & 0xffff)
  elseif what == "mark" then
    return { "mark", "=", tree[2] .. "/" .. tree[3] }
  elseif what == "autobound" then
    return { "autobound", "=", true }
  elseif what ~= "host" or tree[3].pattern then
    return on_row(f, kind, tree)
  end
  local side, host = tree[2], tree[3]
  local port = host.port == -1 or kind.port(side, "=", host.port)
  local first = host.list and host.list[1]
  local address = true
  if first then
    address = own_family(sides[side].addr, first)
  elseif host.family then
    address = { sides[side].addr, "=", host.family == "inet" and "0.0.0.0/0" or "::/0" }
  end
  return all(port, address)
end

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    return a == b
  elseif #a ~= #b then
    return false
  end
  for i = 1, #a do
    if not same(a[i], b[i]) then
      return false
    end
  end
  return true
end

-- Both trees of conditions, and what is to be known of them: need.row and need.kernel, must that
-- tree be tested, and need.program: the kernel knows more than rows tell. Of a host the kernel's
-- test is the stricter one, under an odd number of nots the row's, and then one tree will do.
local function evaluate(f, kind, tree, negated, need)
  local what = tree[1]
  if what == "not" then
    local k, u = evaluate(f, kind, tree[2], not negated, need)
    return is_not(k), is_not(u)
  elseif what == "and" or what == "or" then
    local k1, u1 = evaluate(f, kind, tree[2], negated, need)
    local k2, u2 = evaluate(f, kind, tree[3], negated, need)
    local build = what == "and" and all or either
    return build(k1, k2), build(u1, u2)
  end
  local k, u = in_kernel(f, kind, tree), on_row(f, kind, tree)
  if what == "autobound" or what == "mark" or what == "cgroup" then
    need.program = true
  elseif not same(k, u) then
    need.row = need.row or what ~= "host" or negated
    need.kernel = need.kernel or what ~= "host" or not negated
  end
  return k, u
end

-- The tree that a row has to pass as the kernel's program and as the test of the row.
local function both(f, kind)
  local need = {}
  local k, u = evaluate(f, kind, f.tree, false, need)
  if need.program then
    return all(u, k == true or { "kernel", k or { "or" } })
  elseif need.row and need.kernel then
    return all(k, u)
  end
  return need.row and u or not need.row and k
end

-- ---- filters ---------------------------------------------------------------------------------

local filter = {}
filter.__index = filter

-- The first and the last port of net.ipv4.ip_local_port_range.
function filter:local_ports()
  if not self.ports then
    local limit = limits { name = "ports", netns = self.netns }:first()
    local lo, hi = (limit and limit.range or "1024-4999"):match("^(%d+)-(%d+)$")
    self.ports = { lo, hi }
  end
  return self.ports[1], self.ports[2]
end

-- What rows of a kind (inet, raw, unix, packet, netlink, vsock, tipc, xdp; raw is inet without
-- ports) must meet to pass, as a condition in table form; nil: every row does. Of inet a row has
-- to pass the kernel's program and the test of the row; of raw the latter, as /proc/net has it.
function filter:conditions(name)
  local kind = kinds[name]
  if not self.tree or name == "tipc" then
    return nil
  end
  assert(kind, "conditions: the kind is one of inet, raw, unix, packet, netlink, vsock, tipc, xdp")
  local result
  if name == "inet" and not self.has_dev then
    result = both(self, kind)
  else
    result = on_rows(self, kind, self.tree)
  end
  if result == true then
    return nil
  end
  return result or { "or" }
end

local function has_dev(tree)
  if tree[1] == "and" or tree[1] == "or" then
    return has_dev(tree[2]) or has_dev(tree[3])
  end
  return tree[1] == "dev" or tree[1] == "not" and has_dev(tree[2])
end

local function read(opts)
  local states, at = read_states(opts.words)
  local lines = table.move(opts.words, at, #opts.words, 1, {})
  for _, line in ipairs(opts.more or {}) do
    lines[#lines + 1] = line
  end
  local r = {
    lines = lines, number = 1, line = lines[1], at = 1, tables = opts.tables or {},
    default_family = opts.family, netns = opts.netns, fail = syntax_error,
  }
  local f = setmetatable({ states = states, netns = opts.netns }, filter)
  advance(r)
  if r.token then
    f.tree = expression(r)
    if r.token then
      syntax_error()
    end
    f.has_dev = has_dev(f.tree)
  end
  f.family = r.family
  return f
end

-- The words of state in front of a filter: their set as new() has it, or nil, and a list of the
-- words behind them. Nil, nil and the error of new() when ss refuses them.
function ss_filter.states(words)
  local ok, states, at = pcall(read_states, words)
  if ok then
    return states, table.move(words, at, #words, 1, {})
  elseif type(states) == "table" and states.code then
    return nil, nil, states
  end
  error(states, 0)
end

-- The filter of a command line of ss: opts.words are its words behind the options, with those of
-- state; opts.more, lines that follow them (see file_words); opts.tables, the names of the tables
-- that are asked for, as keys; opts.family, that of -4, -6, -x, -0 or -f (inet, inet6, unix,
-- link, netlink, vsock), or nil; opts.netns, where names of devices count, or nil: here.
--
-- The filter has states, nil or a set of numbers ({[1]=true}; an empty one means to ss the states
-- that it shows without -a, -l or such words), and family, what the operands have reset the
-- families to, or nil. Nil and {text=, code=, usage=} when ss refuses the words: what it
-- says, its exit code, whether its usage follows.
function ss_filter.new(opts)
  local ok, result = pcall(read, opts)
  if ok then
    return result
  elseif type(result) == "table" and result.code then
    return nil, result
  end
  error(result, 0)
end

-- ---- words for people ---------------------------------------------------------------------------

-- Raises what is wrong with the text; words() catches it.
local function complain(...)
  error({ words = string.format(...) }, 0)
end

local predicate_words = { "src", "dst", "sport", "dport", "dev", "fwmark", "cgroup", "autobound",
  "state", "exclude" }
local list_of_words = table.concat(predicate_words, ", ", 1, #predicate_words - 1) .. " or "
  .. predicate_words[#predicate_words]

-- How many letters have to change, to go, or to come between two words.
local function distance(a, b)
  local row = {}
  for j = 0, #b do
    row[j] = j
  end
  for i = 1, #a do
    local corner = row[0]
    row[0] = i
    for j = 1, #b do
      local above = row[j]
      local step = a:byte(i) == b:byte(j) and 0 or 1
      row[j] = math.min(corner + step, above + 1, row[j - 1] + 1)
      corner = above
    end
  end
  return row[#b]
end

local function nearest(word)
  for _, known in ipairs(predicate_words) do
    if #word < 20 and distance(word, known) <= (#known > 4 and 2 or 1) then
      return known
    end
  end
end

-- The text as tokens {word=, quoted=}: blanks part them; a parenthesis at the begin or the end of
-- a word and an operator behind a predicate need none. Quotes and backslashes keep what they hold.
local function split_words(text)
  local out, at = {}, 1
  local function add(word, quoted)
    out[#out + 1] = { word = word, quoted = quoted }
  end
  local function add_plain(word)
    local behind = 0
    while word:find("^[(!]") and not word:find("^!=") do
      add(word:sub(1, 1))
      word = word:sub(2)
    end
    while word:find("%)$") and not word:find("%[[^]]*%)$") do
      word, behind = word:sub(1, -2), behind + 1
    end
    local name, op, rest = word:match("^(%l+)([=!<>]+)(.*)$")
    if name and (predicates[name] or name == "state") then
      add(name)
      add(op)
      word = rest
    end
    if word ~= "" then
      add(word)
    end
    for _ = 1, behind do
      add(")")
    end
  end
  while true do
    at = text:find("%S", at)
    if not at then
      return out
    end
    local word, quoted = {}, false
    while at <= #text and not text:find("^%s", at) do
      local c = text:sub(at, at)
      if c == '"' or c == "'" then
        local close = text:find(c, at + 1, true)
          or complain("the quote %s is not closed: %s", c, text:sub(at, at + 40))
        word[#word + 1] = text:sub(at + 1, close - 1)
        at, quoted = close + 1, true
      elseif c == "\\" and at < #text then
        word[#word + 1] = text:sub(at + 1, at + 1)
        at, quoted = at + 2, true
      else
        word[#word + 1] = c
        at = at + 1
      end
    end
    if quoted then
      add(table.concat(word), true)
    else
      add_plain(table.concat(word))
    end
  end
end

-- Of a port, a service or a range; true: any.
local function port_condition(side, op, text)
  text = text:gsub("^:", "", 1)
  if text == "*" or text == "" then
    return op == "=" or complain("%s %s *: every port is any port; name one, as in :80",
      side == "local" and "sport" or "dport", op)
  end
  -- the library counts in decimal, ss as C does
  local n = text:find("^0") and whole(text, 0, 65535)
  return { sides[side].port, op, n or text }
end

local function people_inet(side, text, family)
  local address, port = text:match("^%[([^%]]*)%]:?(.*)$")
  if not address then
    if parse_v6((text:gsub("/%d+$", ""))) then
      address, port = text, ""
    else
      address, port = text:match("^(.*):([^:]*)$")
      address, port = address or text, port or ""
    end
  end
  local condition = true
  if address ~= "" and address ~= "*" and address ~= "any" and address ~= "all"
    and address ~= "default" then
    local ok, list = pcall(inet_addresses, address, family)
    if not ok then
      complain("%s is no address, prefix or known host%s: 10.0.0.1, 10.0.0.0/8, [fd00::1]:80",
        address, family and " of " .. family or "")
    end
    local texts = {}
    for i, prefix in ipairs(list) do
      texts[i] = prefix_text(prefix.bytes, prefix.bits)
    end
    condition = { sides[side].addr, "=", texts }
  end
  local of_family = not family or { "family", "=", family }
  return all(of_family, condition, port_condition(side, "=", port))
end

-- The families that have no ports of inet: what ADDRESS:PORT is in the fields of each.
local people_families = {
  unix = function(side, text)
    local field = side == "local" and "name" or "peer_name"
    return all({ "proto", "=", "unix" }, text == "*" or text == "" and { field, "=", false }
      or { field, "=", text })
  end,
  link = function(side, text)
    local address, port = split(text)
    if side == "remote" then
      complain("packet sockets have no peer: link: is for src")
    end
    local dev = any(port) or whole(port, 0, INT_MAX) and device_number(whole(port, 0, INT_MAX))
      or { "dev", "=", port }
    return all({ "proto", "=", "packet" }, any(address) or { "protocol", "=", address }, dev)
  end,
  netlink = function(side, text)
    local address, port = split(text)
    local id = port == "kernel" and 0 or whole(port, 0, U32)
    if not any(port) and not id then
      complain("%s is no port id of a netlink socket: a number, or kernel", port)
    end
    local number = not any(address) and netlink_protocol(address)
    return all({ "proto", "=", "netlink" },
      any(address) or { "protocol", "=", number and tostring(number) or address },
      any(port) or { side == "local" and "port_id" or "dst_port_id", "=", id })
  end,
  vsock = function(side, text)
    local address, port = split(text)
    return all({ "proto", "=", "vsock" },
      any(address) or { side == "local" and "local_cid" or "remote_cid", "=", address },
      any(port) or { side == "local" and "local_port" or "remote_port", "=", port })
  end,
}

local function people_host(side, text)
  local family, rest = text:match("^(%l+6?):(.*)$")
  if family and people_families[family] then
    return people_families[family](side, rest)
  elseif family == "inet" or family == "inet6" then
    return people_inet(side, rest, family)
  end
  return people_inet(side, text)
end

local people_operands = {
  host = people_host,
  port = function(side, text, op)
    return port_condition(side, op, text)
  end,
  dev = function(_, text)
    local n = whole(text, 0, INT_MAX)
    return n and device_number(n) or { "dev", "=", text }
  end,
  mark = function(_, text)
    local mark, mask = parse_mark(text)
    return mark and kinds.inet.mark(mark, mask)
      or complain("fwmark cannot be %s: a number, or a number and a mask as in 0x10/0xff", text)
  end,
  cgroup = function(_, text)
    local id = connsh.cgroup_id(text)
    return id and id ~= 0 and { "cgroup_id", "=", id }
      or complain("there is no cgroup (v2) at %s: a path below its mount, or of the file system",
        text)
  end,
}

-- The condition on state that words of state make; the library knows more spellings of one.
local function state_condition(word)
  if not state_groups[word] and word ~= "bucket" then
    return { "state", "=", word }
  end
  local names = {}
  for _, state in ipairs(states_of(word)) do
    names[#names + 1] = state
  end
  return { "state", "=", names }
end

local people_or

-- Words of state at hand: `state a state b exclude c`, from left to right.
local function people_states(p)
  local condition
  while p.word == "state" or p.word == "exclude" or p.word == "excl" do
    local adds = p.word == "state"
    p.advance()
    if p.word == "=" then
      p.advance()
    end
    if not p.word then
      complain("%s is followed by a state, as in state established", adds and "state" or "exclude")
    end
    local one = state_condition(p.word)
    p.advance()
    if not condition then
      condition = adds and one or is_not(one)
    else
      condition = adds and either(condition, one) or all(condition, is_not(one))
    end
  end
  return condition
end

local function people_predicate(p)
  local name = p.word
  if name == "state" or name == "exclude" or name == "excl" then
    return people_states(p)
  end
  local kind = predicates[name]
  if not kind or p.quoted then
    local near = not p.quoted and nearest(name)
    complain("'%s' is none of %s%s", name, list_of_words,
      near and "; did you mean '" .. near .. "'?" or "")
  end
  p.advance()
  if kind == "autobound" then
    return { "autobound", "=", true }
  end
  local op = "="
  if comparisons[operators[p.word]] and not p.quoted then
    op = operators[p.word]
    if not allowed[kind][op] and not equalities[op] then
      complain("%s %s has no meaning: %s is equal or not", name, p.word, name)
    end
    p.advance()
  end
  if not p.word or (operators[p.word] and not p.quoted) then
    complain("%s is followed by a value%s", name, p.word and ", not by '" .. p.word .. "'" or "")
  end
  local word = p.word
  p.advance()
  local side = name:sub(1, 1) == "s" and "local" or "remote"
  if kind == "port" then
    return people_operands.port(side, word, op)
  end
  local condition = people_operands[kind](side, word)
  return op == "!=" and is_not(condition) or condition
end

local function people_not(p)
  local op = not p.quoted and operators[p.word]
  if op == "not" then
    p.advance()
    return is_not(people_not(p))
  elseif op == "(" then
    p.advance()
    local condition = people_or(p)
    if p.word ~= ")" then
      complain(p.word and "a ) is missing in front of '%s'" or "a ) is missing at the end", p.word)
    end
    p.advance()
    return condition
  elseif op or not p.word then
    complain(p.word and "a condition is missing in front of '%s'"
      or "a condition is missing at the end", p.word)
  end
  return people_predicate(p)
end

local function people_and(p)
  local list = { people_not(p) }
  while p.word and (p.quoted or p.word ~= ")" and operators[p.word] ~= "or") do
    if operators[p.word] == "and" and not p.quoted then
      p.advance()
    end
    list[#list + 1] = people_not(p)
  end
  return join("and", true, list)
end

function people_or(p)
  local list = { people_and(p) }
  while operators[p.word] == "or" and not p.quoted do
    p.advance()
    list[#list + 1] = people_and(p)
  end
  return join("or", false, list)
end

local function read_words(text)
  local p = { tokens = split_words(text), at = 0 }
  function p.advance()
    p.at = p.at + 1
    local t = p.tokens[p.at] or {}
    p.word, p.quoted = t.word, t.quoted
  end
  p.advance()
  if not p.word then
    complain("the text is empty: write conditions as ss has them, state established sport = :80")
  end
  local condition = people_or(p)
  if p.word then
    complain("there is a ) that nothing opened")
  end
  return condition
end

-- What a text in the words of ss means, as a condition in table form; nil and a message when it
-- means nothing. Here the precedence is that of the manual (not, then and, then or), states may
-- stand in any place, a host is all of its addresses, != goes with every predicate, parentheses
-- need no blanks around them, and quotes keep words together. A prefix of another family (unix:,
-- link:, netlink:, vsock:) asks for its sockets.
function ss_filter.words(text)
  local ok, result = pcall(read_words, text)
  if ok then
    return result == true and { "and" } or result or { "or" }
  elseif type(result) == "table" and result.words then
    return nil, result.words
  end
  error(result, 0)
end

return ss_filter
