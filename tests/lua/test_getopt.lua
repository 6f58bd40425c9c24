-- lua/getopt.lua: command lines as getopt_long reads them, and texts as words of a shell. What the
-- C library says is compared with what getopt(1) of util-linux says, which calls it.

local S = require("support")
local lu = require("luaunit")
local getopt = require("getopt")

local options = {
  { "a", "all" },
  { "f", "family", arg = "FAMILY" },
  { "q", "query", "quest", arg = "LIST" },
  { "x" },
  { false, "bound", arg = "N", optional = true },
  { "o", "optional", arg = "N", optional = true },
  { false, "numbers" },
  { false, "number" },
  { false, "own-thing", whole = true },
}

-- "a f=inet | operands", or the fault.
local function read(...)
  local seen = {}
  local operands, fault = getopt.read(options, { ... }, function(row, value)
    seen[#seen + 1] = (row[1] or row[2]) .. (value and "=" .. value or "")
  end)
  if not operands then
    return fault
  end
  return table.concat(seen, " ") .. " | " .. table.concat(operands, ",")
end

TestGetopt = {}

function TestGetopt:test_letters()
  lu.assertEquals(read("-a", "-x"), "a x | ")
  lu.assertEquals(read("-ax"), "a x | ")
  lu.assertEquals(read("-axfinet"), "a x f=inet | ")
  lu.assertEquals(read("-axf", "inet", "-x"), "a x f=inet x | ")
  lu.assertEquals(read("-f", "-x"), "f=-x | ")
  lu.assertEquals(read("-f", "--"), "f=-- | ")
  lu.assertEquals(read("-f="), "f== | ")
  lu.assertEquals(read("-f", ""), "f= | ")
end

function TestGetopt:test_optional_arguments()
  lu.assertEquals(read("-o", "3"), "o | 3")
  lu.assertEquals(read("-o3"), "o=3 | ")
  lu.assertEquals(read("--bound", "3"), "bound | 3")
  lu.assertEquals(read("--bound=3"), "bound=3 | ")
  lu.assertEquals(read("--bound="), "bound= | ")
end

function TestGetopt:test_long_names()
  lu.assertEquals(read("--all", "--family", "inet"), "a f=inet | ")
  lu.assertEquals(read("--family=inet=6"), "f=inet=6 | ")
  lu.assertEquals(read("--fam=x", "--al"), "f=x a | ")
  lu.assertEquals(read("--numbers", "--number"), "numbers number | ")
  lu.assertEquals(read("--que=1", "--quer", "2", "--quest", "3"), "q=1 q=2 q=3 | ")
  lu.assertEquals(read("--own-thing"), "own-thing | ")
end

function TestGetopt:test_operands_may_stand_anywhere()
  lu.assertEquals(read("one", "-a", "two", "-f", "x", "three"), "a f=x | one,two,three")
  lu.assertEquals(read("-", "-a"), "a | -")
  lu.assertEquals(read("", "-a"), "a | ")
  lu.assertEquals(read("one", "--", "-a", "--", "two"), " | one,-a,--,two")
  lu.assertEquals(read(), " | ")
end

function TestGetopt:test_effects_before_a_fault_stand()
  local seen = 0
  local operands, fault = getopt.read(options, { "-aay", "-a" }, function()
    seen = seen + 1
  end)
  lu.assertNil(operands)
  lu.assertEquals(fault, "invalid option -- 'y'")
  lu.assertEquals(seen, 2)
end

function TestGetopt:test_what_is_whole_is_no_abbreviation()
  lu.assertEquals(read("--own"), "unrecognized option '--own'")
  lu.assertEquals(read("--own-thin"), "unrecognized option '--own-thin'")
end

-- The same option table for getopt(1), which has no names for one option.
local function getopt_says(...)
  local words = { "getopt", "-n", "p", "-o", "af:q:xo::",
    "-l", "all,family:,query:,bound::,optional::,numbers,number", "--", ... }
  local result = S.run(words)
  if result.code == 127 then
    S.skip("no getopt(1) on this system")
  end
  return (result.err:match("^p: ([^\n]*)"))
end

function TestGetopt:test_faults_are_those_of_the_c_library()
  for _, words in ipairs {
    { "-y" }, { "-a-" }, { "-ay" }, { "--nothing" }, { "--nothing=3" }, { "-f" }, { "--family" },
    { "--all=3" }, { "--al=" }, { "--num" }, { "--num=3" }, { "-q" }, { "--o=3", "-z" },
  } do
    local expected = getopt_says(table.unpack(words))
    lu.assertString(expected, table.concat(words, " "))
    lu.assertEquals(read(table.unpack(words)), expected)
  end
end

function TestGetopt:test_words_of_a_shell()
  for _, text in ipairs {
    [[-tlnp]], [[ -t   -l	-n ]], [['a b' "c d"]], [[a"b c"d'e f'g]], [["" '']],
    [[\( sport = 80 \)]],
    [["a\"b\\c\nd"]], [['a\b']], [[a\ b\\c]], [["it's"]], "a\nb", [[dst '[::1]:80']],
  } do
    local words = getopt.words(text)
    local result = S.run({ "sh", "-c", 'printf "<%s>" ' .. text:gsub("\n", " ") })
    lu.assertEquals("<" .. table.concat(words, "><") .. ">", result.out, text)
  end
  lu.assertEquals(getopt.words(""), {})
  lu.assertEquals(getopt.words("  "), {})
end

function TestGetopt:test_words_without_an_end()
  local function why(text)
    return select(2, getopt.words(text))
  end
  lu.assertEquals(why("-t 'state"), "the quote ' at character 4 has no end")
  lu.assertEquals(why([["\"]]), [[the quote " at character 1 has no end]])
  lu.assertEquals(why("a\\"), "a backslash at the end keeps nothing")
end

function TestGetopt:test_posixly_correct_ends_at_the_first_operand()
  local result = S.connsh("-e", [[
    local words = require("getopt").read({{"a"}}, {"-a", "x", "-a"}, function() end)
    print(table.concat(words, ","))]], { env = { POSIXLY_CORRECT = "1" } })
  lu.assertEquals(result.out, "x,-a\n")
end

S.main()
