-- ss_filter: the filters of ss, as conditions of this library.
--
--   f = ss_filter.new{words={"state", "established", "sport = 80"}, tables={tcp=true}}
--   sockets{proto="tcp", f:conditions("inet")}
--   sockets(ss_filter.words("state established and sport = :80"))
--
-- new() reads what ss 6.1.0 reads, as it does: `and` and `or` have one precedence, an operand is
-- read by the last predicate, words of state stand first only. words() is for people: see
-- ss_words. What the predicates of new() test is in ss_conditions.

local operands = require "ss_operands"
local conditions = require "ss_conditions"

local limits = limits
local assert, error, ipairs, pcall, require = assert, error, ipairs, pcall, require
local setmetatable, table, type = setmetatable, table, type

local comparisons, allowed = operands.comparisons, operands.allowed
local refuse, syntax_error = operands.refuse, operands.syntax_error

local ss_filter = {}

-- The text of a file for ss -F as words for new(): its lines, without those that begin with # or
-- 0; a line ends for it with a NUL too. Nil and the error of ss when a line is too long for it.
function ss_filter.file_words(text)
  local words = {}
  for line, ending in text:gmatch("([^\n]*)(\n?)") do
    if #line + #ending > 1022 then
      return nil, { text = "Too long line in filter", code = 255 }
    end
    line = line:match("^[^\0]*")
    if line ~= "" and not line:find("^[#0]") then
      words[#words + 1] = line
    end
  end
  return words
end

-- ---- the parser --------------------------------------------------------------------------------

-- Trees: {"and"|"or", a, b}, {"not", a}, {"host", side, host}, {"ge"|"le", side, port},
-- {"dev", index}, {"mark", mark, mask}, {"cgroup", id}, {"autobound"}.

local function next_word(r)
  while r.line do
    local word, at = operands.token(r.line, r.at)
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
  elseif operands.operators[word] then
    r.token = operands.operators[word]
  elseif operands.predicates[word] then
    r.token, r.sticky = "predicate", operands.predicates[word]
  else
    r.token = "operand"
    if r.sticky == "dev" then
      r.value = operands.dev(r, word)
    elseif r.sticky == "mark" then
      local mark, mask = operands.parse_mark(word)
      r.value = mark and { mark, mask } or refuse("Cannot parse mark " .. word .. ".", 1)
    elseif r.sticky == "cgroup" then
      r.value = operands.cgroup(word)
    else
      r.value = operands.host(r, word, r.sticky == "port")
    end
  end
end

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
    local list = operands.states_of(word) or refuse("ss: wrong state name: " .. word, 255)
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

-- ---- filters -----------------------------------------------------------------------------------

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

-- What rows of a kind (inet, raw, unix, packet, netlink, vsock, tipc, xdp) must meet to pass, as a
-- condition in table form; nil: every row does.
function filter:conditions(name)
  if not self.tree or name == "tipc" then
    return nil -- ss passes over its expression there
  end
  assert(conditions.kinds[name],
    "conditions: the kind is one of inet, raw, unix, packet, netlink, vsock, tipc, xdp")
  local result = conditions.of(self, name)
  if result == true then
    return nil
  end
  return result or { "or" }
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
    f.has_dev = conditions.has(f.tree, { dev = true })
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
-- The filter has states, nil or a set of numbers ({[1]=true}; 0 is in those that leave states
-- out; an empty one means to ss the states that it shows without -a, -l or such words), and
-- family, what the operands have reset the families to, or nil. Nil and {text=, code=, usage=}
-- when ss refuses the words: what it says, its exit code, whether its usage follows.
function ss_filter.new(opts)
  local ok, result = pcall(read, opts)
  if ok then
    return result
  elseif type(result) == "table" and result.code then
    return nil, result
  end
  error(result, 0)
end

-- What a text in the words of ss means to this library, as a condition in table form; nil and a
-- message when it means nothing (see ss_words).
function ss_filter.words(text)
  return require("ss_words").read(text)
end

return ss_filter
