-- ss_json: what `ss --json` prints of a query: the fields that the columns show, as JSON Lines.

-- The names of the fields that a PART shows, in order.
local function fields_in(part, names, seen)
  if type(part) ~= "table" then
    return
  end
  local function add(name)
    if type(name) == "string" and not seen[name] then
      seen[name] = true
      names[#names + 1] = name
    end
  end
  add(part.field)
  add(part.each)
  for _, operand in ipairs(part.calc or {}) do
    fields_in(type(operand) == "string" and #operand > 1 and { field = operand } or operand,
      names, seen)
  end
  for _, inner in ipairs(part.first or {}) do
    fields_in(inner, names, seen)
  end
  for _, inner in ipairs(part) do
    fields_in(inner, names, seen)
  end
  fields_in(part.otherwise, names, seen)
end

-- Every row has these first, if the field is one of its kind.
local always = { "proto", "state", "recvq", "sendq", "laddr", "lport", "raddr", "rport" }

-- A list of the names.
local function columns(parts, of_netns)
  local names, seen = {}, {}
  local function first(name)
    seen[name] = true
    names[#names + 1] = name
  end
  if of_netns then
    first("netns")
  end
  for _, name in ipairs(always) do
    first(name)
  end
  for _, part in ipairs(parts) do
    fields_in(part, names, seen)
  end
  return names
end

-- Writes the rows. of_netns: with the namespace of each; close: nil, or what -K does to a row: true
-- if it is listed, or false and why the kernel refused, then no more are tried.
return function(query, parts, of_netns, close)
  local refused
  if close then
    query = query:where(function(row)
      local closed = false
      if not refused then
        closed, refused = close(row)
      end
      return closed
    end)
  end
  query:json { columns = columns(parts, of_netns), file = io.stdout }
  if refused then
    io.stderr:write("SOCK_DESTROY answers: ", refused, "\n")
  end
end
