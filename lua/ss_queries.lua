-- ss_queries: what ss lists of a table, as queries of the library: sockets as the kernel lists
-- them, or texts and files in their place (PROC_NET_*, PROC_ROOT, TCPDIAG_FILE).

local connsh, sockets = connsh, sockets

local M = {}

-- Where /proc/net/NAME is read instead of asking the kernel; nil: the kernel is asked.
function M.text_of(name)
  local root = connsh.env("PROC_ROOT")
  return connsh.env("PROC_NET_" .. name:upper()) or (root or "/proc") .. "/net/" .. name
end

function M.wants_text(name)
  return connsh.env("PROC_NET_" .. name:upper()) or connsh.env("PROC_ROOT")
end

-- Tables that /proc has as text.
local has_text = { tcp = true, udp = true, raw = true, unix = true, packet = true, netlink = true }

local function readable(path)
  local file = io.open(path)
  if file then
    file:close()
  end
  return file ~= nil
end

-- The texts of a table: a list of {text =, family =}, as far as they are there.
local function texts(entry)
  if not entry.all_families then
    local path = M.text_of(entry.proto)
    return readable(path) and { { text = path } } or {}
  end
  local list = {}
  for _, family in ipairs(entry.all_families) do
    local path = M.text_of(entry.proto .. (family == "inet6" and "6" or ""))
    if not readable(path) then
      break
    end
    list[#list + 1] = { text = path, family = family }
  end
  return list
end

-- To the library a closed socket of tcp is a bound one: the kernel has no list of others, but files
-- have. states: numbers, nil: all.
local CLOSED, BOUND = 7, 13
local function states_in_file(proto, states)
  if proto ~= "tcp" then
    return states
  end
  local list = {}
  for n = 1, states and #states or 11 do
    list[#list + 1] = states and states[n] or n
    if list[#list] == CLOSED then
      list[#list + 1] = BOUND
    end
  end
  return list
end

-- Of tcp the kernel lists no closed socket to ss; a recording has those that are only bound.
local function listed_states(entry)
  local list = {}
  for n = 1, entry.states and #entry.states or 11 do
    local state = entry.states and entry.states[n] or n
    list[#list + 1] = state ~= CLOSED and state or nil
  end
  return entry.proto == "tcp" and #list > 0 and list or entry.states
end

-- The states of a unix socket as ss takes them from a text, by the numbers of TCP's; one of
-- datagrams that has an address in the kernel counts as connected.
local addressed = { "and", { "type", "=", "dgram" }, { "kernel_pointer", "!=", 0 } }
local text_states = {
  [1] = { "or", { "socket_state", "=", "connected" },
    { "and", { "socket_state", "=", "unconnected" }, addressed } },
  [2] = { "socket_state", "=", "connecting" },
  [7] = { "and", { "socket_state", "=", "unconnected" }, { "not", addressed } },
  [11] = { "socket_state", "=", "disconnecting" },
}

local function unix_state(states)
  local either = { "or" }
  for _, n in ipairs(states) do
    if n == 10 then
      either[#either + 1] = { "state", "=", n }
    elseif text_states[n] then
      either[#either + 1] = { "and", { "state", "!=", 10 }, text_states[n] }
    end
  end
  return either
end

-- ss sorts the rows of such a text by type and inode.
local function unix_text(entry, path)
  local list = {}
  for _, socket_type in ipairs(entry.types or { "stream", "dgram", "seqpacket" }) do
    for _, has_inode in ipairs { false, true } do
      local conditions = { proto = "unix", text = path, type = socket_type, inode = has_inode,
        verbatim = true, ordered = true, sort = has_inode and "inode" or nil }
      if entry.states then
        conditions[1] = unix_state(entry.states)
      end
      list[#list + 1] = conditions
    end
  end
  return list
end

-- What is asked beside the filter: a list of tables of conditions, one a query; `sort` of one names
-- the field that its rows are sorted by.
function M.asked(request, entry)
  local netns = request.pattern or request.netns
  local file = entry.proto == "tcp" and connsh.env("TCPDIAG_FILE")
  if file then
    return { { proto = "tcp", state = states_in_file("tcp"), diag = file, verbatim = true,
      ordered = true, first_dump = true } }
  elseif M.wants_text(entry.proto) and (entry.kind == "inet" or has_text[entry.proto]) then
    local list = has_text[entry.proto] and texts(entry) or {}
    if entry.kind == "unix" then
      return list[1] and unix_text(entry, list[1].text) or {}
    end
    for _, conditions in ipairs(list) do
      conditions.proto, conditions.type = entry.proto, entry.types
      conditions.state = states_in_file(entry.proto, entry.states)
      conditions.netns, conditions.verbatim, conditions.ordered = netns, true, true
      conditions.threads = request.threads
    end
    return list
  end
  local conditions = { proto = entry.proto, state = listed_states(entry), type = entry.types,
    netns = netns, ordered = true, listed = true, verbatim = true, threads = request.threads,
    contexts = request.contexts or request.sock_contexts }
  if entry.families then
    if #entry.families == 0 then
      return {}
    elseif entry.proto == "raw" and #entry.families ~= #entry.all_families then
      -- a text instead of the kernel's list has both
      table.insert(conditions, { "or", { "family", "=", entry.families },
        { "from_proc", "=", true } })
    elseif #entry.families == 1 then
      conditions.family = entry.families[1]
    end
  end
  return { conditions }
end

-- What the filter asks of the rows of a table; nil: nothing.
function M.condition_of(request, entry)
  return request.filter and request.filter:conditions(entry.proto == "raw" and "raw" or entry.kind)
end

-- The queries of a table, in order.
function M.of(request, entry, list)
  local condition = M.condition_of(request, entry)
  local made = {}
  for _, conditions in ipairs(list or M.asked(request, entry)) do
    local sort = conditions.sort
    conditions.sort = nil
    local q = sockets(conditions)
    q = condition and q:where(condition) or q
    made[#made + 1] = sort and q:sort(sort) or q
  end
  return made
end

-- The queries of the texts of a table; nil: it has none.
function M.of_texts(request, entry)
  if not has_text[entry.proto] then
    return nil
  end
  local list = texts(entry)
  for _, conditions in ipairs(list) do
    conditions.proto = entry.proto
    conditions.state = states_in_file(entry.proto, entry.states)
  end
  return M.of(request, entry, list)
end

return M
