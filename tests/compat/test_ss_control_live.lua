-- Names with control bytes: ss 6.1.0 prints them raw, which breaks lines and moves cursors. `connsh
-- ss` prints a dot for each such byte, as newer releases do, and else the same.

package.path = (os.getenv("TESTS") or "tests") .. "/compat/?.lua;" .. package.path

local lu = require("luaunit")
local S = require("support")
local scenario = require("scenario")
local C = require("compare")

scenario.inside("control")

-- What oddmaker calls its sockets and its process, as ss shows them.
local names = { "new\nline\tand\27[31mred", "@bell\a\nline\127", "e\27[31m\nx\t" }

local function dotted(text)
  for _, name in ipairs(names) do
    local pattern = name:gsub("%p", "%%%0")
    text = text:gsub(pattern, (name:gsub("%c", "."):gsub("%%", "%%%%")))
  end
  return text
end

TestControl = {}

function TestControl:test_names()
  local list = {}
  for _, line in ipairs({ "-xan", "-xane", "-xap", "-tanp", "-tanpO", "-anp", "-xl src *red" }) do
    for _, cols in ipairs({ false, 80, 120 }) do
      list[#list + 1] = { line, { expect = dotted, cols = cols or nil } }
    end
  end
  C.check_all(list)
end

-- The reference does print them raw here, and ours has no control byte but the ends of lines.
function TestControl:test_bytes()
  local wanted = C.run(C.need_reference(), "-xanp").out
  for _, name in ipairs({ names[1], names[2] }) do
    lu.assertTrue(wanted:find(name, 1, true) ~= nil)
  end
  local got = C.run(C.ours(), "-xanp").out
  lu.assertNil(got:find("[\0-\9\11-\31\127]"))
  lu.assertEquals(select(2, got:gsub("\n", "")), select(2, dotted(wanted):gsub("\n", "")))
end

S.main()
