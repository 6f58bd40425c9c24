-- What JSON (RFC 8259) and CSV (RFC 4180) say, read by readers that share nothing with the program:
-- they raise on whatever the standards do not allow.

local M = {}

local escapes = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r",
  t = "\t" }

-- \uXXXX at that place: a character, one of two halves, or \udcXX for a byte that is no UTF-8.
local function json_unicode(text, at)
  local code = assert(tonumber(text:match("^\\u(%x%x%x%x)", at), 16), "bad \\u")
  if code >= 0xd800 and code < 0xdc00 then
    local low = assert(tonumber(text:match("^\\u(%x%x%x%x)", at + 6), 16), "half a character")
    return utf8.char(0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)), at + 12
  elseif code >= 0xdc80 and code <= 0xdcff then
    return string.char(code - 0xdc00), at + 6
  end
  return utf8.char(code), at + 6
end

local function json_string(text, at)
  local out = {}
  while true do
    local c = text:sub(at, at)
    if c == '"' then
      return table.concat(out), at + 1
    elseif c == "\\" then
      local letter = text:sub(at + 1, at + 1)
      if letter == "u" then
        out[#out + 1], at = json_unicode(text, at)
      else
        out[#out + 1] = assert(escapes[letter], "bad escape")
        at = at + 2
      end
    else
      assert(c ~= "" and c:byte() >= 0x20, "raw control byte or no end of a string")
      out[#out + 1] = c
      at = at + 1
    end
  end
end

local json_value

local function json_list(text, at)
  local list = {}
  if text:sub(at, at) == "]" then
    return list, at + 1
  end
  while true do
    list[#list + 1], at = json_value(text, at)
    local c = text:sub(at, at)
    at = at + 1
    if c == "]" then
      return list, at
    end
    assert(c == ",", "list without a comma")
  end
end

-- The keys in their order are at key 0.
local function json_object(text, at)
  local object = { [0] = {} }
  while true do
    local key
    assert(text:sub(at, at) == '"', "no key")
    key, at = json_string(text, at + 1)
    assert(object[key] == nil and text:sub(at, at) == ":", "double key or no colon")
    object[key], at = json_value(text, at + 1)
    table.insert(object[0], key)
    local c = text:sub(at, at)
    at = at + 1
    if c == "}" then
      return object, at
    end
    assert(c == ",", "object without a comma")
  end
end

-- null is this.
M.null = setmetatable({}, { __tostring = function() return "null" end })

function json_value(text, at)
  local c = text:sub(at, at)
  if c == '"' then
    return json_string(text, at + 1)
  elseif c == "{" then
    return json_object(text, at + 1)
  elseif c == "[" then
    return json_list(text, at + 1)
  end
  for word, value in pairs({ null = M.null, ["true"] = true, ["false"] = false }) do
    if text:sub(at, at + #word - 1) == word then
      return value, at + #word
    end
  end
  local number = assert(text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", at), "no value at " .. at)
  return assert(tonumber(number)), at + #number
end

-- A list of the objects of JSON lines.
function M.json_lines(text)
  local list = {}
  assert(text == "" or text:sub(-1) == "\n", "no newline at the end")
  for line in text:gmatch("([^\n]*)\n") do
    local value, at = json_value(line, 1)
    assert(at == #line + 1, "more behind a value: " .. line:sub(at))
    list[#list + 1] = value
  end
  return list
end

local function csv_cell(text, at)
  if text:sub(at, at) ~= '"' then
    local plain = text:match('^[^,"\n]*', at)
    return plain, at + #plain
  end
  local out = {}
  at = at + 1
  while true do
    local part = text:match('^[^"]*', at)
    out[#out + 1] = part
    at = at + #part
    assert(text:sub(at, at) == '"', "no end of a quoted cell")
    if text:sub(at + 1, at + 1) ~= '"' then
      return table.concat(out), at + 1
    end
    out[#out + 1] = '"'
    at = at + 2
  end
end

-- A list of rows, each a list of texts.
function M.csv(text)
  local rows, row, at = {}, {}, 1
  while at <= #text do
    row[#row + 1], at = csv_cell(text, at)
    local c = text:sub(at, at)
    at = at + 1
    if c == "\n" then
      rows[#rows + 1] = row
      row = {}
    else
      assert(c == ",", "a cell ends with a comma or a newline")
    end
  end
  assert(#row == 0, "no newline at the end")
  return rows
end

-- The bytes that an escaped text stands for: \\ and \xHH.
function M.unescape(text)
  return (text:gsub("\\(.)(%x?%x?)", function(letter, digits)
    if letter == "\\" then
      return "\\" .. digits
    end
    assert(letter == "x" and #digits == 2, "no escape: " .. text)
    return string.char(tonumber(digits, 16))
  end))
end

return M
