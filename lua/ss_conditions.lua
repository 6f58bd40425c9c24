-- ss_conditions: what the predicates of ss test, as conditions of this library, for each kind of
-- rows. A part of ss_filter, which makes the trees.
--
-- A row that ss lists has passed two tests: the program that it gives to the kernel (of inet
-- sockets, unless a predicate on devices stands anywhere) and the same expression on the row.
-- They differ in families of addresses, ports beyond 16 bits, hosts with several addresses, and
-- in what the kernel knows and the row does not tell.

local operands = require "ss_operands"

local ipairs, math, setmetatable, string = ipairs, math, setmetatable, string
local table, tostring, type = table, tostring, type

local U32, INT_MAX = operands.U32, operands.INT_MAX
local masked, prefix_text, is_mapped = operands.masked, operands.prefix_text, operands.is_mapped

local conditions = {}

-- ---- conditions --------------------------------------------------------------------------------

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

-- ---- patterns of names -------------------------------------------------------------------------

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

-- ---- the two evaluations -----------------------------------------------------------------------

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

-- The trees between which one word stands, from left to right, however they are nested. Joined two
-- by two, many would be copied once a word.
local function links(tree)
  local word, list, rest = tree[1], {}, { tree }
  while rest[1] do
    local t = table.remove(rest)
    if t[1] == word then
      rest[#rest + 1], rest[#rest + 2] = t[3], t[2]
    else
      list[#list + 1] = t
    end
  end
  return list
end

-- A whole tree, each predicate by the function given.
local function walk(f, kind, tree, test)
  local what = tree[1]
  if what == "not" then
    return is_not(walk(f, kind, tree[2], test))
  elseif what == "and" or what == "or" then
    local list = links(tree)
    for i, link in ipairs(list) do
      list[i] = walk(f, kind, link, test)
    end
    return join(what, what == "and", list)
  end
  return test(f, kind, tree)
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

-- Is there a predicate of these anywhere in the tree?
local function has(tree, names)
  if tree[1] == "and" or tree[1] == "or" then
    return has(tree[2], names) or has(tree[3], names)
  end
  return names[tree[1]] or tree[1] == "not" and has(tree[2], names) or false
end

-- Of these the kernel may know more than the row tells.
local untold = { autobound = true, mark = true, cgroup = true }

-- Both tests as one condition: true (every row passes), false (none), or a table. f is the filter:
-- its tree, has_dev and local_ports.
function conditions.of(f, name)
  local kind = kinds[name]
  local row = walk(f, kind, f.tree, on_row)
  if (name ~= "inet" and name ~= "raw") or f.has_dev then
    return row
  end
  -- for the kernel raw sockets have ports
  local program = walk(f, kinds.inet, f.tree, in_kernel)
  if name == "inet" and same(program, row) and not has(f.tree, untold) then
    return row
  end
  return all(row, program == true or { "kernel", program or { "or" } })
end

conditions.kinds, conditions.sides, conditions.has = kinds, sides, has
conditions.join, conditions.all, conditions.either, conditions.is_not = join, all, either, is_not
conditions.device_number = device_number

return conditions
