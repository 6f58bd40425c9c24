-- ss: what ss(8) of iproute2 6.1.0 prints, from the library's sockets.
--
--   connsh ss -tan state established      as the command; also under the name `ss`
--   ss "-tlnp"                            the same from Lua
--   require "ss".query "-tn dport = 443"  the sockets it would list, as one query
--
-- Beyond ss: --json prints the rows as JSON Lines with the names of the library's fields, and
-- --netns PATTERN lists other network namespaces, "*" all of them.

local getopt = require "getopt"
local options = require "ss_options"
local queries = require "ss_queries"
local select = require "ss_select"
local connsh, sockets = connsh, sockets

local leave = options.leave

local EPERM_LIKE = { [1] = true, [13] = true }
local NOT_CLOSED = { [2] = true, [95] = true } -- ENOENT, EOPNOTSUPP: it is gone, or cannot be

-- ---- the command line

local function refuse(wrong)
  leave(wrong.code, wrong.text .. "\n", wrong.usage)
end

-- The filter of the words behind those of state, and of -F's file.
local function read_filter(request)
  if #request.words == 0 and not request.filter_file then
    return -- it is not loaded for nothing
  end
  local ss_filter = require "ss_filter"
  local more, wrong, filter
  if request.filter_file then
    -- of a folder nothing can be read: to ss it is empty
    more, wrong = ss_filter.file_words(request.filter_file:read("a") or "")
  end
  if not wrong then
    filter, wrong = ss_filter.new { words = request.words, more = more,
      tables = request.select.tables, family = request.select.last_family,
      netns = request.netns }
  end
  if not filter then
    refuse(wrong)
  end
  request.filter = filter
  if filter.family then
    request.select:only_family(filter.family)
  end
end

-- Arguments -> a request: what the options say, and the words of the filter.
local function read(args)
  local request = { select = select.new() }
  local words, wrong = getopt.read(options.rows, args, function(row, value)
    options.take(request, row, value)
  end)
  if not words then
    leave(255, "ss: " .. wrong .. "\n", true)
  end
  request.words = words
  return request
end

-- The words of state, and what the options leave open of the selection.
local function complete(request)
  if #request.words > 0 then
    local states, rest, wrong = require("ss_filter").states(request.words)
    if wrong then
      refuse(wrong)
    end
    request.words = rest
    if states then
      request.select:only_states(states)
    end
  end
  request.select:complete()
  local nothing = next(request.select.tables) == nil and "socket tables"
    or next(request.select.families) == nil and "families"
    or request.select:states() == 0 and "socket states"
  if nothing then
    leave(0, "ss: no " .. nothing .. " to show with such filter.\n")
  end
end

-- ---- rows

-- Of tables without names of ports of their own ss takes those of the table before them.
local function names_before(request, entry)
  local names
  for _, before in ipairs(request.select:plan()) do
    if before.proto == entry.proto then
      break
    elseif before.proto == "raw" or before.proto == "udp" or before.proto == "tcp" then
      names = before.proto
    end
  end
  return names
end

-- What the columns of a table's kind are told, ss_columns.lua.
local function column_options(request, entry)
  local opt = { table = entry.proto }
  for _, name in ipairs { "numeric", "resolve", "options", "extended", "memory", "processes",
    "threads", "info", "tos", "cgroup", "sockopt", "bpf", "tipcinfo", "contexts",
    "sock_contexts", "oneline", "events" } do
    opt[name] = request[name]
  end
  opt.file = entry.proto == "tcp" and connsh.env("TCPDIAG_FILE") ~= nil
  opt.names = names_before(request, entry)
  return opt
end

local function parts_of(request, entry)
  return require("ss_columns")[entry.kind](column_options(request, entry))
end

-- A form for each column of the grid.
local function forms_of(request, entry)
  local forms = {}
  if request.pattern then
    forms[1] = sockets:form { field = "netns" }
  end
  for _, part in ipairs(parts_of(request, entry)) do
    forms[#forms + 1] = sockets:form(part)
  end
  return forms
end

local function open_grid(request)
  local columns = {
    { title = "Netid", hidden = request.select:one_table() },
    { title = "State", before = " ", hidden = request.select:one_state() },
    { title = "Recv-Q", before = " " },
    { title = "Send-Q", before = " " },
    { title = "Local Address:", before = " ", align = "right" },
    { title = "Port" },
    { title = "Peer Address:", before = " ", align = "right" },
    { title = "Port" },
    { title = "Process" },
  }
  if request.pattern then
    columns[1].before = " "
    table.insert(columns, 1, { title = "Netns" })
  end
  return connsh.grid { columns = columns, width = connsh.terminal() or 0,
    header = not request.no_header, file = io.stdout }
end

-- Closes it. Returns true if it is to be listed; or false, and why and the code when the kernel
-- refused. Rows of /proc ss cannot close, but it lists them.
local function close(row)
  if row.from_proc then
    return true
  end
  local done, why, code = connsh.destroy(row)
  if done or NOT_CLOSED[code] then
    return done == true
  end
  return false, why, code
end

-- -K: what is closed is listed, as it was before; the message of what may not be.
local function kill_rows(grid, query, forms)
  local refused, code
  grid:add(query, forms, function(row)
    local closed
    closed, refused, code = close(row)
    return closed, refused ~= nil
  end)
  if refused then
    return "SOCK_DESTROY answers: " .. refused .. "\n", code
  end
end

-- The rows of a table that -K is told to close. When the kernel refuses, ss lists the text.
local function kill_table(request, grid, entry, forms)
  for _, query in ipairs(queries.of(request, entry)) do
    local refused, code = kill_rows(grid, query, forms)
    if refused then
      io.stderr:write(refused)
      local instead = EPERM_LIKE[code] and entry.proto ~= "tcp" and queries.of_texts(request, entry)
      for _, text in ipairs(instead or {}) do
        grid:add(text, forms)
      end
      return
    end
  end
end

-- The kernel tells of the end of these.
local ends_told = { tcp = true, udp = true }

-- -E: sockets as they end, whatever their state was.
local function follow(request, grid)
  local protos, forms, condition = {}, {}, nil
  local families = {}
  for _, entry in ipairs(request.select:plan()) do
    if ends_told[entry.proto] and entry.all_families then
      protos[#protos + 1] = entry.proto
      forms[entry.proto] = forms_of(request, entry)
      families = entry.all_families
      condition = queries.condition_of(request, entry)
    end
  end
  if #protos == 0 then
    leave(255)
  end
  local query = sockets { proto = protos, family = families, netns = request.netns }
  for row in connsh.destroyed(condition and query:where(condition) or query) do
    local show = not request.kill or connsh.destroy(row)
    if show then
      grid:add(row, forms[row.proto])
      grid:flush()
    end
  end
end

-- ---- the run

-- One table.
local function list_table(request, grid, entry)
  -- what a file tells of may be long gone, or of another machine: it is listed only
  local of_file = entry.proto == "tcp" and connsh.env("TCPDIAG_FILE")
  local kill = request.kill and entry.kind == "inet" and not of_file
  if request.json then
    local parts = parts_of(request, entry)
    for _, query in ipairs(queries.of(request, entry)) do
      require("ss_json")(query, parts, request.pattern, kill and close)
    end
    return
  end
  local forms = forms_of(request, entry)
  if kill then
    return kill_table(request, grid, entry, forms)
  end
  for _, query in ipairs(queries.of(request, entry)) do
    grid:add(query, forms)
  end
end

-- What -D asks for beside the sockets, as tables of -i, -m and --tos do.
local diag_extensions = {
  info = { "info", "vegasinfo", "cong" }, memory = { "meminfo", "skmeminfo" },
  tos = { "tos", "tclass" },
}

-- -D: a failed write is a failure of the program.
local function save_diag(request)
  local extensions = {}
  for name, list in pairs(diag_extensions) do
    table.move(request[name] and list or {}, 1, #list, #extensions + 1, extensions)
  end
  for _, entry in ipairs(request.select:plan()) do
    if entry.proto == "tcp" then
      local conditions = queries.asked(request, entry)[1]
      if conditions then
        local path = request.diag:sub(1, 1) == "-" and "-" or request.diag
        local done, why = sockets(conditions):save_diag(path, extensions)
        if not done then
          leave(1, "ss: " .. why .. "\n")
        end
      end
      return
    end
  end
end

local function summary(request)
  local text = require("ss_summary")(function(name)
    if queries.wants_text(name) then
      local file, why = io.open(queries.text_of(name))
      if not file then
        return nil, why
      end
      local read_all = file:read("a")
      file:close()
      return read_all
    end
    return connsh.proc("net/" .. name, request.netns)
  end, function(message)
    io.stderr:write(message, "\n")
  end)
  io.stdout:write(text)
end

-- A dump that failed does not keep the other tables from being listed: says so and returns the exit
-- code of an answer that is not whole. Raises what is wrong otherwise.
local function dump_failed(wrong)
  local text = type(wrong) == "string" and wrong:match("^connsh:ss%.lua:%d+: (sockets: .*)")
  if not text or text:find("^sockets: cannot write") then
    error(wrong, 0)
  end
  io.stdout:flush()
  io.stderr:write("connsh: ", text, "\n")
  return 3
end

-- Runs ss and returns its exit code; leave() of ss_options ends it early.
local function run(args)
  local request = read(args)
  if request.summary then
    summary(request)
    if request.select.default and #request.words == 0 then
      return 0
    end
  end
  complete(request)
  if request.diag then
    if not request.select.tables.tcp then
      leave(0, "ss: tcpdiag dump requested and no tcp in filter.\n")
    end
    save_diag(request)
    return 0
  end
  read_filter(request)
  if request.events and (request.json or request.pattern) then
    leave(255, "ss: --json and --netns do not go with -E\n")
  end
  local grid = not request.json and open_grid(request)
  if request.events then
    follow(request, grid)
    return 0
  end
  local code = 0
  for _, entry in ipairs(request.select:plan()) do
    local ok, wrong = pcall(list_table, request, grid, entry)
    if not ok then
      code = dump_failed(wrong)
    end
  end
  if grid then
    grid:close()
  end
  return code
end

-- Calls f with what the library says beside its answers turned off, as ss says nothing. Returns
-- what pcall does.
local function quietly(f, ...)
  local before = connsh.quiet(true)
  local ok, result = pcall(f, ...)
  connsh.quiet(before)
  return ok, result
end

local ss = {}

-- Runs ss with a list of arguments. Returns its exit code; other failures raise.
function ss.main(args)
  local ok, result = quietly(run, args)
  if ok then
    return result
  elseif type(result) ~= "table" or not result.ss_exit then
    error(result, 0)
  end
  if result.text or result.usage then
    io.stdout:flush()
    io.stderr:write(result.text or "", result.usage and options.usage() or "")
  end
  return result.ss_exit
end

-- A text of words, or a list of them.
local function arguments(what)
  if type(what) == "table" then
    return what
  elseif type(what) ~= "string" then
    error("ss: its words are a text or a list, such as ss \"-tln\"; got " .. type(what), 0)
  end
  local words, why = getopt.words(what)
  if not words then
    error("ss: " .. why, 0)
  end
  return words
end

-- Calls f for Lua: what ends a run of ss with a failure, or with a message, raises.
local function call(f, ...)
  local ok, result = quietly(f, ...)
  if ok then
    return result
  elseif type(result) ~= "table" or not result.ss_exit then
    error(result, 0)
  elseif result.ss_exit ~= 0 or result.text then
    error(((result.text or "ss: this cannot be done\n"):gsub("\n$", "")), 0)
  end
end

-- A condition with what is for the kernel's program tested on the row: a query of several tables
-- has no program of one. What the kernel calls autobound no row tells.
local function on_rows(c, in_program)
  if type(c) ~= "table" then
    return c
  elseif c[1] == "kernel" then
    return on_rows(c[2], true)
  elseif in_program and c[1] == "autobound" then
    leave(1, "ss: autobound takes a query of one table of sockets, such as -t\n")
  end
  local out = {}
  for i, member in ipairs(c) do
    out[i] = on_rows(member, in_program)
  end
  return out
end

-- ss.query(words): the sockets that ss would list, as one query that is not asked yet.
local function query_of(args)
  local request = read(args)
  complete(request)
  read_filter(request)
  local protos, either = {}, { "or" }
  for _, entry in ipairs(request.select:plan()) do
    local conditions = queries.asked(request, entry)[1]
    if conditions then -- of the kernel's answer, also where files stand in for it
      protos[#protos + 1] = entry.proto
      local all = { "and", { "proto", "=", entry.proto } }
      for _, name in ipairs { "family", "state", "type" } do
        if conditions[name] then
          all[#all + 1] = { name, "=", conditions[name] }
        end
      end
      if entry.kind == "unix" then -- ss does not list those that wait to be accepted
        all[#all + 1] = { "inode", "=", true }
      end
      all[#all + 1] = queries.condition_of(request, entry)
      either[#either + 1] = all
    end
  end
  if #protos == 0 then
    leave(0, "ss: no socket tables to show with such filter.\n")
  end
  local q = sockets { proto = protos, netns = request.pattern or request.netns, listed = true }
  return q:where(#protos == 1 and either[2] or on_rows(either))
end

function ss.query(what)
  return call(query_of, arguments(what)) or error("ss: these options ask for no sockets", 0)
end

return setmetatable(ss, {
  __call = function(_, what)
    call(run, arguments(what))
  end,
})
