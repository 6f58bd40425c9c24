-- Reads JSON (RFC 8259) as programs print it: json.decode(text) -> tables, strings, numbers,
-- booleans; null is json.null. Raises with the position of what is wrong.
local json = { null = setmetatable({}, { __tostring = function() return "null" end }) }

local escapes = {
  b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", ["/"] = "/", ["\\"] = "\\", ['"'] = '"',
}

local value

local function fail(at, what)
  error("JSON: " .. what .. " at byte " .. at, 0)
end

local function skip(text, at)
  return text:match("^[ \t\r\n]*()", at)
end

local function escaped(text, at)
  local char = text:sub(at, at)
  if escapes[char] then
    return escapes[char], at + 1
  end
  local code = text:match("^u(%x%x%x%x)", at)
  code = code and tonumber(code, 16) or fail(at, "a bad escape")
  local low = text:match("^\\u(%x%x%x%x)", at + 5)
  if code >= 0xd800 and code < 0xdc00 and low then
    code = 0x10000 + ((code - 0xd800) << 10) + (tonumber(low, 16) - 0xdc00)
    return utf8.char(code), at + 11
  end
  return utf8.char(code), at + 5
end

local function string_at(text, at)
  local parts = {}
  while true do
    local plain, char, after = text:match('^([^"\\]*)(["\\])()', at)
    if not plain then
      fail(at, "a string without an end")
    end
    parts[#parts + 1] = plain
    if char == '"' then
      return table.concat(parts), after
    end
    parts[#parts + 1], at = escaped(text, after)
  end
end

-- Members up to the closing bracket, each read by `one`, which gives the place behind it.
local function members(text, at, close, one)
  at = skip(text, at)
  if text:sub(at, at) == close then
    return at + 1
  end
  while true do
    at = skip(text, one(at))
    local char = text:sub(at, at)
    if char == close then
      return at + 1
    elseif char ~= "," then
      fail(at, "neither , nor " .. close)
    end
    at = skip(text, at + 1)
  end
end

local function array(text, at)
  local list = {}
  return list, members(text, at, "]", function(from)
    list[#list + 1], from = value(text, from)
    return from
  end)
end

local function object(text, at)
  local t = {}
  return t, members(text, at, "}", function(from)
    local key, after
    if text:sub(from, from) ~= '"' then
      fail(from, "no name")
    end
    key, after = string_at(text, from + 1)
    after = text:match("^[ \t\r\n]*:()", after) or fail(after, "no colon")
    t[key], after = value(text, after)
    return after
  end)
end

local words = { ["true"] = true, ["false"] = false, null = json.null }

function value(text, at)
  at = skip(text, at)
  local char = text:sub(at, at)
  if char == "{" then
    return object(text, at + 1)
  elseif char == "[" then
    return array(text, at + 1)
  elseif char == '"' then
    return string_at(text, at + 1)
  end
  local word, after = text:match("^(%a+)()", at)
  if words[word] ~= nil then
    return words[word], after
  end
  word, after = text:match("^(-?%d[%d.eE+-]*)()", at)
  return tonumber(word) or fail(at, "no value"), after
end

function json.decode(text)
  local result, at = value(text, 1)
  at = skip(text, at)
  if at <= #text then
    fail(at, "more")
  end
  return result
end

return json
