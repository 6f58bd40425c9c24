-- help: what connsh can answer, from the declarations of its fields.
--
--   help()                   what there is
--   help "sockets"           the fields of a source
--   help "sockets.rtt"       one field
--   help(sockets)            the same as help "sockets"

local connsh, print, string, table, type = connsh, print, string, table, type
local tostring = tostring

local function find_source(name)
  for _, source in ipairs(connsh.sources()) do
    if source.name == name then
      return source
    end
  end
end

local function overview()
  print("connsh " .. connsh.version .. ": a Lua shell for the kernel's networking state")
  print()
  for _, source in ipairs(connsh.sources()) do
    print(string.format("  %-10s %s", source.name, source.doc))
  end
  print([[

  count<state="established", lport=80>          how many
  for s in sockets<lport=80> do print(s.raddr) end
  sockets<state="listen">                       at the prompt: a table
  sockets<rtt>0.1, state="established">:first() one record
  sockets<state="established">:top(10, "raddr") the most frequent values
  sockets:group("lport", "state"):count():csv() groups, as CSV
  routes<table=100>:json()                      each source prints, sorts, groups alike
  route("8.8.8.8", {mark=1})                    the route that the kernel would use
  counters.TcpExtListenOverflows                a number by its name; limits.ports a record
  count<state="listen", netns="*">              in every network namespace
  snapshot("now.snap")                          all of it to a file, for connsh --from now.snap
  sockets:rate(3):group("comm"):sum("bytes_sent_rate")  bytes per second by process
  count"state established sport = :80"          conditions in the words of ss
  ss "-tlnp"                                    what ss prints; in a shell, connsh ss -tlnp
  help "sockets"                                its fields
  help "sockets.rtt"                            one of them]])
end

local function list_fields(source)
  print(source.doc)
  print()
  for _, field in ipairs(connsh.fields(source.query)) do
    print(string.format("  %-20s %-9s %s", field.name, field.unit or field.type, field.doc))
  end
end

local function list_navs(source)
  local navs = connsh.navs(source.query)
  if #navs > 0 then
    print("\nEach leads to:\n")
  end
  for _, nav in ipairs(navs) do
    print(string.format("  %-20s %-9s %s", nav.name, nav.to, nav.doc))
  end
end

local function describe(source, name)
  for _, field in ipairs(connsh.fields(source.query)) do
    if field.name == name then
      print(source.name .. "." .. name .. ": " .. field.doc)
      print("  type   " .. field.type .. (field.unit and ", in " .. field.unit or ""))
      print("  takes  " .. (field.values and table.concat(field.values, ", ") or field.takes))
      print("  from   " .. field.from)
      return
    end
  end
  for _, nav in ipairs(connsh.navs(source.query)) do
    if nav.name == name then
      print(source.name .. "." .. name .. ": " .. nav.doc)
      print("  gives  " .. (nav.many and "a query of " or "one of ") .. nav.to .. ", asked anew")
      return
    end
  end
  error("help: " .. source.name .. " have no field '" .. name .. "'; help \"" .. source.name
    .. "\" lists them", 0)
end

return function(what)
  if what == nil then
    return overview()
  end
  local word = type(what) == "string" and what or tostring(what):match("^[%w_]+")
  local name, field = word:match("^([%w_]+)%.([%w_]+)$")
  local source = find_source(name or word)
  if not source then
    error("help: nothing is called '" .. word .. "'; help() lists what there is", 0)
  end
  if field then
    return describe(source, field)
  end
  list_fields(source)
  return list_navs(source)
end
