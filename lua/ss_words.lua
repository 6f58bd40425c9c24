-- ss_words: texts in the words of ss as conditions of this library: sockets"state established and
-- sport = :80". For people, so unlike ss it keeps the precedence of its manual (not, then and, then
-- or), takes words of state in any place, a host for all of its addresses, != with every
-- predicate, parentheses without blanks around them, and quotes to keep words together. A prefix
-- of another family (unix:, link:, netlink:, vsock:) asks for its sockets.

local operands = require "ss_operands"
local conditions = require "ss_conditions"

local connsh = connsh
local error, ipairs, math, pcall, string = error, ipairs, math, pcall, string
local table, tostring, type = table, tostring, type

local operators, predicates = operands.operators, operands.predicates
local whole, parse_mark, INT_MAX, U32 = operands.whole, operands.parse_mark, operands.INT_MAX,
  operands.U32
local split, any, parse_v6 = operands.split, operands.any, operands.parse_v6
local all, either, is_not, join = conditions.all, conditions.either, conditions.is_not,
  conditions.join
local comparisons, equalities, allowed = operands.comparisons, operands.equalities,
  operands.allowed
local sides, device_number = conditions.sides, conditions.device_number

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
    local ok, list = pcall(operands.inet_addresses, address, family)
    if not ok then
      complain("%s is no address, prefix or known host%s: 10.0.0.1, 10.0.0.0/8, [fd00::1]:80",
        address, family and " of " .. family or "")
    end
    local texts = {}
    for i, prefix in ipairs(list) do
      texts[i] = operands.prefix_text(prefix.bytes, prefix.bits)
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
    local number = not any(address) and operands.netlink_protocol(address)
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
    return mark and conditions.kinds.inet.mark(mark, mask)
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
  if not operands.state_groups[word] and word ~= "bucket" then
    return { "state", "=", word }
  end
  local names = {}
  for _, state in ipairs(operands.states_of(word)) do
    names[#names + 1] = state ~= 0 and state or nil
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

local function read(text)
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

local words = {}

-- What the text means, as a condition in table form; nil and a message when it means nothing.
function words.read(text)
  local ok, result = pcall(read, text)
  if ok then
    return result == true and { "and" } or result or { "or" }
  elseif type(result) == "table" and result.words then
    return nil, result.words
  end
  error(result, 0)
end

return words
