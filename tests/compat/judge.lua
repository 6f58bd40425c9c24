-- Owns comparing `connsh ss` with the installed ss, which must be that of iproute2 6.1.0: standard
-- output byte for byte, and the exit code. For test files of this folder.
local lu = require "luaunit"
local S = require "support"

local J = { compared = 0 }

local version = S.run { "ss", "-V" }

-- The first line that differs, for a message that can be read.
local function difference(expected, got)
  local n = 0
  local rest = got
  for line in (expected .. "\n"):gmatch "([^\n]*)\n" do
    n = n + 1
    local mine, behind = rest:match "^([^\n]*)\n?(.*)$"
    if mine ~= line then
      return ("line %d\nexpected: %q\nactual:   %q"):format(n, line, mine)
    end
    rest = behind
  end
  return "more lines than expected: " .. rest:sub(1, 200)
end

-- Both are run with the arguments and these settings of the environment ("NAME=value").
function J.same(arguments, settings)
  if version.code ~= 0 or not version.out:find "6%.1%.0" then
    S.skip "the installed ss is not that of iproute2 6.1.0"
  end
  local theirs, mine = { "env" }, { "env" }
  for _, setting in ipairs(settings or {}) do
    theirs[#theirs + 1], mine[#mine + 1] = setting, setting
  end
  theirs[#theirs + 1] = "ss"
  mine[#mine + 1], mine[#mine + 2] = S.connsh_path(), "ss"
  table.move(arguments, 1, #arguments, #theirs + 1, theirs)
  table.move(arguments, 1, #arguments, #mine + 1, mine)
  local expected, got = S.run(theirs), S.run(mine)
  local title = table.concat(theirs, " ")
  lu.assertTrue(expected.code == 0 and expected.out ~= "", title .. ": " .. expected.err)
  if expected.out ~= got.out then
    lu.fail(title .. ": " .. got.err .. difference(expected.out, got.out))
  end
  lu.assertEquals(got.code, expected.code, title .. ": " .. got.err)
  J.compared = J.compared + 1
end

-- Letters of options as a word, and long ones: every way to ask for the rows.
function J.each(sets, arguments, settings)
  for _, letters in ipairs(sets) do
    local all = { "-a" .. letters }
    table.move(arguments, 1, #arguments, 2, all)
    J.same(all, settings)
  end
end

return J
