-- Command lines in great number: every combination of entries of lists, each on a pipe or on a
-- terminal, whose widths take turns, so that each line has one and each width has many.

local C = require("compare")

local P = {}

-- Every combination of one entry of each list, joined by blanks.
function P.lines(lists)
  local lines = { "" }
  for _, list in ipairs(lists) do
    local longer = {}
    for _, line in ipairs(lines) do
      for _, part in ipairs(list) do
        longer[#longer + 1] = line == "" and part or part == "" and line or line .. " " .. part
      end
    end
    lines = longer
  end
  return lines
end

local widths = { false, 80, false, 20, 120, false, 33, 250, 60, false, 100, 200, 47, 160, 1 }
local turn = 0

-- The lines with the options of C.compare; cols: of all of them, false is a pipe.
function P.items(lines, cols)
  local list = {}
  for i, line in ipairs(lines) do
    turn = turn + 1
    local width = cols
    if width == nil then
      width = widths[turn % #widths + 1]
    end
    list[i] = { line, { cols = width or nil } }
  end
  return list
end

-- Compares them all.
function P.check(lists, cols)
  C.check_all(P.items(P.lines(lists), cols))
end

return P
