-- Reads JSON (RFC 8259), for tests that compare with what other programs print.
--
--   json.decode(text)   the value; null is json.null, objects and arrays are tables

local json = { null = setmetatable({}, { __tostring = function() return "null" end }) }

local escapes = {
  ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t",
}

local function fail(text, at, what)
  error(("json: %s at byte %d: %q"):format(what, at, text:sub(at, at + 20)), 0)
end

local function skip(text, at)
  return text:find("[^ \t\r\n]", at) or #text + 1
end

local function read_string(text, at)
  local parts = {}
  at = at + 1
  while true do
    local plain, stop = text:match('^([^"\\]*)()', at)
    parts[#parts + 1] = plain
    local c = text:sub(stop, stop)
    if c == '"' then
      return table.concat(parts), stop + 1
    elseif c == "" then
      fail(text, at, "a text without its end")
    end
    local e = text:sub(stop + 1, stop + 1)
    if e == "u" then
      local code = text:match("^%x%x%x%x", stop + 2)
      parts[#parts + 1] = utf8.char(tonumber(code, 16))
      at = stop + 6
    else
      parts[#parts + 1] = escapes[e] or fail(text, stop, "an unknown escape")
      at = stop + 2
    end
  end
end

local read

-- Members up to the closing bracket; each is put into `into` by put(value, next position).
local function read_members(text, at, close, member)
  at = skip(text, at + 1)
  if text:sub(at, at) == close then
    return at + 1
  end
  while true do
    at = skip(text, member(at))
    local c = text:sub(at, at)
    if c == close then
      return at + 1
    elseif c ~= "," then
      fail(text, at, "a comma or " .. close .. " was expected")
    end
    at = skip(text, at + 1)
  end
end

local words = { ["true"] = true, ["false"] = false, null = json.null }

read = function(text, at)
  local c = text:sub(at, at)
  local into = {}
  if c == "{" then
    return into, read_members(text, at, "}", function(here)
      local key, behind = read_string(text, here)
      behind = skip(text, behind)
      if text:sub(behind, behind) ~= ":" then
        fail(text, behind, "a colon was expected")
      end
      into[key], behind = read(text, skip(text, behind + 1))
      return behind
    end)
  elseif c == "[" then
    return into, read_members(text, at, "]", function(here)
      local value, behind = read(text, here)
      into[#into + 1] = value
      return behind
    end)
  elseif c == '"' then
    return read_string(text, at)
  end
  local word = text:match("^%a+", at)
  if word and words[word] ~= nil then
    return words[word], at + #word
  end
  local number = text:match("^-?[%d.eE+-]+", at)
  if not number then
    fail(text, at, "a value was expected")
  end
  return math.tointeger(tonumber(number)) or tonumber(number), at + #number
end

function json.decode(text)
  local value, at = read(text, skip(text, 1))
  if skip(text, at) <= #text then
    fail(text, at, "something behind the value")
  end
  return value
end

return json
