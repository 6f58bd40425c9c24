-- What README.md shows is run: each ```sh block whose first word is connsh, and each ```lua block
-- as a script, beside the sockets below. A ```text block right behind one is what it prints,
-- standard output and then standard error: lines in any order, as the order of rows is the
-- kernel's; `…` stands for anything in a line, and alone in one for any further lines.

local lu = require("luaunit")
local S = require("support")

local root = (os.getenv("TESTS") or "tests") .. "/../"
local readme = S.read_file(root .. "README.md")

local sockets_of_readme = {
  "addr=10.0.0.1/24", "addr=10.0.0.7/24", "addr=10.0.0.21/24",
  "listen=10.0.0.1:80", "conn=10.0.0.1:80*20,from=10.0.0.7", "conn=10.0.0.1:80*5,from=10.0.0.21",
  "noaccept=10.0.0.1:8080*3,backlog=4", "udp=10.0.0.1:53",
}

-- And a device with a neighbour, a routing table of its own and a group that was joined.
local network = [[
  { ip link add eth0 type veth peer name peer0 &&
    ip link set eth0 up && ip link set peer0 up &&
    ip addr add 192.168.5.1/24 dev eth0 &&
    ip neigh add 192.168.5.254 lladdr 02:00:00:00:00:fe dev eth0 nud permanent &&
    ip route add default via 192.168.5.254 &&
    ip route add 10.20.0.0/16 via 192.168.5.254 table 100 &&
    ip addr add 239.255.255.250/32 dev eth0 autojoin; } || exit 98
]]

-- A list of {kind, text, line, expected}.
local function blocks_of(text)
  local list, open, number, behind = {}, nil, 0, nil
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    number = number + 1
    local fence = line:match("^```(%a*)$")
    if open and fence then
      if open.kind == "text" and behind then
        behind.expected = open.text
        behind = nil
      else
        list[#list + 1] = open
        behind = open
      end
      open = nil
    elseif open then
      open.text = open.text .. line .. "\n"
    elseif fence then
      open = { kind = fence, text = "", line = number }
    elseif line ~= "" then
      behind = nil
    end
  end
  assert(not open, "README.md: a block is not closed")
  return list
end

local function pattern_of(line)
  return "^" .. line:gsub("[%p]", "%%%0"):gsub("…", ".*") .. "$"
end

-- Takes the first line that the pattern matches out of the list.
local function take(lines, pattern)
  for i, line in ipairs(lines) do
    if line:find(pattern) then
      return table.remove(lines, i)
    end
  end
end

-- What is wrong with the output, or nil.
local function difference(expected, actual)
  local left, more = {}, false
  for line in actual:gmatch("([^\n]*)\n") do
    left[#left + 1] = line
  end
  for line in expected:gmatch("([^\n]*)\n") do
    if line == "…" then
      more = true
    elseif not take(left, pattern_of(line)) then
      return "there is no line '" .. line .. "' in:\n" .. actual
    end
  end
  return not more and left[1] and "'" .. left[1] .. "' was not expected in:\n" .. actual
end

-- The command `connsh` is the program that is tested.
local function search_path()
  local here = S.run({ "realpath", S.connsh_path() }).out:match("^(.*)/connsh\n$")
  return here .. ":" .. os.getenv("PATH")
end

local function run(block)
  -- In a folder that may be written to, beside the examples.
  local command = {
    "sh", "-c", 'examples=$1 d=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT && '
      .. 'ln -s "$examples" "$d/examples" && cd "$d" || exit 99\n' .. network .. block.text,
    "sh", S.run({ "realpath", root .. "examples" }).out:match("[^\n]+"),
  }
  if block.kind == "lua" then
    command = { "sh", "-c", network .. 'exec connsh "$1"', "sh", S.temporary(block.text) }
  end
  local what = table.move(sockets_of_readme, 1, #sockets_of_readme, 1, { cmd = command })
  what.env = { PATH = search_path(), LC_ALL = "C.UTF-8" }
  return S.sockmaker(what)
end

TestReadme = {}
local ran = 0

for _, block in ipairs(blocks_of(readme)) do
  local name = string.format("test_line_%03d", block.line)
  if block.kind == "lua" or block.kind == "sh" and block.text:find("^connsh ") then
    ran = ran + 1
    TestReadme[name] = function()
      local result = run(block)
      -- What this user may not see depends on where the tests run.
      result.err = result.err:gsub("connsh: note: [^\n]*\n", "")
      -- Only a block that shows an error may end with one.
      if not (block.expected or ""):find("connsh: ", 1, true) then
        lu.assertEquals(result.err, "")
        lu.assertEquals(result.code, 0)
      end
      if block.expected then
        local fault = difference(block.expected, result.out .. result.err)
        if fault then
          lu.fail("README.md:" .. block.line .. ": " .. fault)
        end
      end
    end
  elseif block.kind == "sh" then
    -- What is left is for building and testing, by make alone.
    TestReadme[name] = function()
      for line in block.text:gmatch("[^\n]+") do
        lu.assertStrMatches(line, "make [%w-]+ *#?.*")
      end
    end
  end
end

function TestReadme:test_blocks_were_found()
  lu.assertTrue(ran >= 15, ran .. " blocks")
end

-- The comparison itself must be able to fail.
function TestReadme:test_difference()
  lu.assertFalse(not difference("a\n", "b\n"))
  lu.assertFalse(not difference("a\n", "a\nb\n"))
  lu.assertFalse(not difference("a\na\n", "a\n"))
  lu.assertFalse(not difference("a.\n", "ab\n"))
  lu.assertFalse(not difference("a…c\n", "abd\n"))
  lu.assertFalse(difference("a…c\n…\n", "x\nabbc\n") or false)
  lu.assertFalse(difference("b\na\n", "a\nb\n") or false)
end

-- The text of -h ends with commands; they must run too.
function TestReadme:test_examples_of_the_option_h()
  local seen = 0
  for line in S.connsh("-h").out:gmatch("\n  (connsh [^\n]*)") do
    seen = seen + 1
    local result = run({ kind = "sh", text = line })
    lu.assertEquals(result.err, "")
    lu.assertEquals(result.code, 0)
    lu.assertNotEquals(result.out, "")
  end
  lu.assertTrue(seen >= 3)
end

S.main()
