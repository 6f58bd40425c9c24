-- ss_select: which tables, address families and states ss lists. The rules are those of ss 6.1.0,
-- oddities included: tables and families bring each other and their states along, -A forgets the
-- tables before it, the family that was named last is the one that internet tables are asked for.

local select = {}
select.__index = select

-- ---- states: a mask, bit N for the kernel's state N; bit 0 is in "all" and means nothing

local function bits(...)
  local mask = 0
  for _, n in ipairs { ... } do
    mask = mask | 1 << n
  end
  return mask
end

select.ALL = (1 << 12) - 1
select.LISTENING = bits(7, 10) -- close, listen
local ESTABLISHED, CLOSE = bits(1), bits(7)
local CONNECTED = select.ALL & ~bits(3, 6, 7, 10) -- without syn-recv, time-wait, close, listen

-- ---- tables and families

-- In the order of ss's output. words: its names for -A; group: what a name for several stands for.
-- kind says how rows are shown, proto and type are conditions on them; plain: no default of its
-- own, it is listed only when it is named. A table without a state mask has ss's CONN; brings: the
-- states that it brings along, where those are others.
local tables = {
  { name = "netlink", kind = "netlink", proto = "netlink", family = "netlink", states = CLOSE },
  { name = "packet_raw", kind = "packet", proto = "packet", family = "link", states = CLOSE,
    words = { "p_raw" }, group = "packet" },
  { name = "packet_dgram", kind = "packet", proto = "packet", family = "link", states = CLOSE,
    words = { "p_dgr" }, group = "packet" },
  { name = "unix_dgram", kind = "unix", proto = "unix", family = "unix", type = "dgram",
    brings = CLOSE, words = { "u_dgr" }, group = "unix" },
  { name = "unix_stream", kind = "unix", proto = "unix", family = "unix", type = "stream",
    words = { "u_str" }, group = "unix" },
  { name = "unix_seqpacket", kind = "unix", proto = "unix", family = "unix", type = "seqpacket",
    words = { "u_seq" }, group = "unix" },
  { name = "raw", kind = "inet", proto = "raw", family = "inet", states = ESTABLISHED,
    group = "inet" },
  { name = "udp", kind = "inet", proto = "udp", family = "inet", states = ESTABLISHED,
    group = "inet" },
  { name = "tcp", kind = "inet", proto = "tcp", family = "inet", group = "inet" },
  { name = "dccp", kind = "inet", proto = "dccp", family = "inet", group = "inet" },
  { name = "sctp", kind = "inet", proto = "sctp", family = "inet", group = "inet" },
  { name = "vsock_stream", kind = "vsock", proto = "vsock", family = "vsock", type = "stream",
    words = { "v_str" }, group = "vsock" },
  { name = "vsock_dgram", kind = "vsock", proto = "vsock", family = "vsock", type = "dgram",
    words = { "v_dgr" }, group = "vsock" },
  { name = "tipc", kind = "tipc", proto = "tipc", family = "tipc", plain = true,
    brings = select.LISTENING },
  { name = "xdp", kind = "xdp", proto = "xdp", family = "xdp", states = CLOSE },
  { name = "mptcp", kind = "inet", proto = "mptcp", family = "inet", group = "inet" },
}

-- What -f takes; both internet families have the same tables.
local families = {
  { name = "inet" }, { name = "inet6", like = "inet" }, { name = "unix" },
  { name = "link", states = CLOSE }, { name = "netlink", states = CLOSE },
  { name = "tipc", states = select.LISTENING },
  { name = "vsock" }, { name = "xdp", states = CLOSE },
}

local family_named = {}
for _, family in ipairs(families) do
  family_named[family.name] = family
end

-- Name -> list of tables.
local by_word = { all = {} }

local function call_it(word, t)
  by_word[word] = by_word[word] or {}
  table.insert(by_word[word], t)
end

for _, t in ipairs(tables) do
  call_it(t.name, t)
  for _, word in ipairs(t.words or {}) do
    call_it(word, t)
  end
  if t.group then
    call_it(t.group, t)
  end
  if not t.plain then
    call_it("all", t)
  end
end

-- ---- reading options

function select.new()
  return setmetatable({
    tables = {}, -- name -> true
    families = {}, -- name -> true
    default = true, -- no option named a table or family
    asked = 0, -- states by -a, -l, -A: they win over those that tables bring along
    brought = 0,
  }, select)
end

-- Adds the tables of this word, or removes them; false: there is none.
function select:table(word, remove)
  local list = by_word[word]
  for _, t in ipairs(list or {}) do
    self.tables[t.name] = not remove or nil
    if not remove then
      self.brought = self.brought | (t.brings or t.states or CONNECTED)
    end
  end
  self.default = self.default and not list
  return list ~= nil
end

-- Adds the family; false: there is none.
function select:family(name)
  local family = family_named[name]
  if family then
    self.families[name] = true
    self.brought = self.brought | (family.states or CONNECTED)
    self.last_family = name
    self.default = false
  end
  return family ~= nil
end

-- -A: a list of words, `!word` removes. The first -A forgets the tables before it. Returns the
-- word that is no table, or nil.
function select:only(list)
  if not self.listed then
    self.tables, self.listed, self.default = {}, true, false
    self.asked = self.asked ~= 0 and self.asked or CONNECTED
  end
  for word in (list .. ","):gmatch("([^,]*),") do
    local remove = word:sub(1, 1) == "!"
    if not self:table(remove and word:sub(2) or word, remove) then
      return word
    end
  end
end

-- Is one of the tables of the family selected?
local function has_table_of(self, family)
  local name = family_named[family].like or family
  for _, t in ipairs(tables) do
    if t.family == name and self.tables[t.name] then
      return true
    end
  end
  return false
end

-- Families bring their tables along, and tables their families.
function select:complete()
  if self.default then
    self:table("all")
    self.asked = self.asked ~= 0 and self.asked or CONNECTED
  end
  for _, t in ipairs(tables) do
    local likes = t.family == "inet" and { "inet", "inet6" } or { t.family }
    local has = false
    for _, family in ipairs(likes) do
      has = has or self.families[family]
    end
    for _, family in ipairs(self.tables[t.name] and not has and likes or {}) do
      self.families[family] = true
    end
  end
  for _, family in ipairs(families) do
    if self.families[family.name] and not has_table_of(self, family.name) then
      for _, t in ipairs(tables) do
        if t.family == (family.like or family.name) then
          self.tables[t.name] = true
        end
      end
    end
  end
end

-- A set of state numbers, of the words `state` and `exclude`: it wins over all others.
function select:only_states(set)
  self.asked = 0
  for n in pairs(set) do
    self.asked = self.asked | 1 << n
  end
end

-- A prefix of an address in the filter: this is the one family from now on.
function select:only_family(name)
  self.families, self.last_family = { [name] = true }, name
end

function select:states()
  return self.asked ~= 0 and self.asked or self.brought
end

-- ---- the outcome

-- A list of the states of a mask, as numbers; nil: all.
function select.state_list(mask)
  local list = {}
  for n = 1, 11 do
    if mask >> n & 1 == 1 then
      list[#list + 1] = n
    end
  end
  return #list < 11 and list or nil
end

-- Are all tables, or all states, but one left out? Then ss does not show the column.
function select:one_table()
  local name = next(self.tables)
  return name ~= nil and next(self.tables, name) == nil
end

function select:one_state()
  local mask = self:states()
  return mask & (mask - 1) == 0
end

-- The internet families that the kernel is asked for, of those that are selected: v4 and v6, but
-- only the one that was named last, if any was.
local function asked_families(self)
  local list = {}
  for _, family in ipairs { "inet", "inet6" } do
    local other = family == "inet" and "inet6" or "inet"
    if self.families[family] and self.last_family ~= other then
      list[#list + 1] = family
    end
  end
  return list
end

-- What is listed, in order: {proto, kind, states = list or nil, types = list or nil, families =
-- list (internet only: which are asked), all_families = list (which a text has)}.
function select:plan()
  local plan, at = {}, {}
  local closed = self:states() & CLOSE ~= 0
  for _, t in ipairs(tables) do
    local internet = t.family == "inet"
    local listed = self.families[t.family] or (internet and self.families.inet6)
    if self.tables[t.name] and listed and (t.states ~= CLOSE or closed) then
      local entry = at[t.proto]
      if not entry then
        entry = { proto = t.proto, kind = t.kind }
        at[t.proto] = entry
        plan[#plan + 1] = entry
      end
      if t.type then
        entry.types = entry.types or {}
        table.insert(entry.types, t.type)
      end
      if t.states ~= CLOSE then
        entry.states = select.state_list(self:states())
      end
      if internet then
        entry.families = asked_families(self)
        entry.all_families = { self.families.inet and "inet", self.families.inet6 and "inet6" }
        if not entry.all_families[1] then
          entry.all_families = { "inet6" }
        end
      end
    end
  end
  for _, entry in ipairs(plan) do
    if entry.types and #entry.types == #by_word[entry.proto] then
      entry.types = nil
    end
  end
  return plan
end

return select
