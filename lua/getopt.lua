-- getopt: a command line as getopt_long(3) of the GNU C library reads it, and a text as words of
-- a shell, for the modules that are commands.
--
-- Options are rows of one list: {"n", "numeric", ...} is the letter (false: none) and the long
-- names, if any; arg = "FILE" says that it takes an argument, optional = true that the argument may
-- be left out (then only --name=ARG and -nARG give one), whole = true that its long names may not
-- be cut short. A row may hold what else its command likes. Entries that are no tables are passed
-- over.

local getopt = {}

-- Letter -> row, and the list of {name, row} in order.
local function index(options)
  local letters, names = {}, {}
  for _, row in ipairs(options) do
    if type(row) == "table" then
      if row[1] then
        letters[row[1]] = row
      end
      for i = 2, #row do
        names[#names + 1] = { name = row[i], row = row }
      end
    end
  end
  return letters, names
end

-- The row of a long option and its full name; nil and what is wrong. A whole name wins, names of
-- one row are one option however they are cut short.
local function find_long(names, name, word)
  local found, rivals = nil, {}
  for _, n in ipairs(names) do
    if n.name == name then
      return n.row, n.name
    elseif not n.row.whole and n.name:sub(1, #name) == name then
      found = found or n
      if n.row ~= found.row then
        rivals[#rivals + 1] = n.name
      end
    end
  end
  if #rivals > 0 then
    return nil, ("option '%s' is ambiguous; possibilities: '--%s' '--%s'"):format(word,
      found.name, table.concat(rivals, "' '--"))
  elseif not found then
    return nil, ("unrecognized option '%s'"):format(word)
  end
  return found.row, found.name
end

-- The word --NAME, --NAME=ARG or --NAME ARG at this place. Returns the place behind it; or nil and
-- what is wrong.
local function read_long(names, args, at, take)
  local word = args[at]
  local name, value = word:match("^%-%-([^=]*)=?(.*)$")
  local given = word:find("=", 1, true) ~= nil
  local row, full = find_long(names, name, word)
  if not row then
    return nil, full
  elseif not row.arg then
    if given then
      return nil, ("option '--%s' doesn't allow an argument"):format(full)
    end
    value = nil
  elseif not given then
    value = nil
    if not row.optional then
      at = at + 1
      value = args[at]
      if not value then
        return nil, ("option '--%s' requires an argument"):format(full)
      end
    end
  end
  take(row, value)
  return at + 1
end

-- The same of a word of letters: -tan, -fFAM, -tf FAM.
local function read_short(letters, args, at, take)
  local word = args[at]
  local i = 2
  while i <= #word do
    local letter = word:sub(i, i)
    local row = letters[letter]
    i = i + 1
    if not row then
      return nil, ("invalid option -- '%s'"):format(letter)
    end
    local value
    if row.arg then
      if i <= #word then
        value = word:sub(i)
      elseif not row.optional then
        at = at + 1
        value = args[at]
        if not value then
          return nil, ("option requires an argument -- '%s'"):format(letter)
        end
      end
      i = #word + 1
    end
    take(row, value)
  end
  return at + 1
end

-- Reads the words: take(row, value) is called for each option where it stands, value is nil for
-- one without argument. Options may follow operands, but not behind `--`, nor behind the first
-- operand if POSIXLY_CORRECT is set. Returns the operands in order; or nil and what was wrong with
-- the first option that was, in the words of the C library but for the name of the program.
function getopt.read(options, args, take)
  local letters, names = index(options)
  local posix = os.getenv("POSIXLY_CORRECT") ~= nil
  local operands, at = {}, 1
  while at <= #args do
    local word, fault = args[at], nil
    if word == "--" then
      table.move(args, at + 1, #args, #operands + 1, operands)
      break
    elseif word:sub(1, 2) == "--" then
      at, fault = read_long(names, args, at, take)
    elseif #word > 1 and word:sub(1, 1) == "-" then
      at, fault = read_short(letters, args, at, take)
    elseif posix then
      table.move(args, at, #args, #operands + 1, operands)
      break
    else
      operands[#operands + 1] = word
      at = at + 1
    end
    if fault then
      return nil, fault
    end
  end
  return operands
end

-- What follows an opening quote: the text up to the closing one and the place behind it.
local function quoted(text, at, quote)
  local parts = {}
  while at <= #text do
    local c = text:sub(at, at)
    if c == quote then
      return table.concat(parts), at + 1
    elseif c == "\\" and quote == '"' and text:find('^["\\$`]', at + 1) then
      at = at + 1
      c = text:sub(at, at)
    end
    parts[#parts + 1] = c
    at = at + 1
  end
  return nil
end

-- Splits a text into words as a shell does: blanks part them, '...' and "..." keep them, a
-- backslash keeps the next character. Nothing is expanded. Returns a list, or nil and why not.
function getopt.words(text)
  local words, word, at = {}, nil, 1
  while at <= #text do
    local c = text:sub(at, at)
    if c:find("[ \t\n]") then
      words[#words + 1] = word
      word, at = nil, at + 1
    elseif c == "'" or c == '"' then
      local inner, after = quoted(text, at + 1, c)
      if not inner then
        return nil, ("the quote %s at character %d has no end"):format(c, at)
      end
      word, at = (word or "") .. inner, after
    elseif c == "\\" then
      if at == #text then
        return nil, "a backslash at the end keeps nothing"
      end
      word, at = (word or "") .. text:sub(at + 1, at + 1), at + 2
    else
      word, at = (word or "") .. c, at + 1
    end
  end
  words[#words + 1] = word
  return words
end

return getopt
