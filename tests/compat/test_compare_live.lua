-- The comparison itself: it must find one byte that is wrong, and let nothing pass but what moves.

package.path = (os.getenv("TESTS") or "tests") .. "/compat/?.lua;" .. package.path

local lu = require("luaunit")
local S = require("support")
local scenario = require("scenario")
local C = require("compare")

scenario.inside("kinds")

-- A program that prints what ss prints, but for a change by sed.
local function spoiled(script)
  local path = S.temporary("#!/bin/sh\n" .. C.need_reference() .. ' "$@" >"$0.out"; code=$?\n'
    .. "sed " .. S.sh_quote(script) .. ' <"$0.out"; rm -f "$0.out"; exit $code\n')
  assert(S.run({ "chmod", "755", path }).code == 0)
  return path
end

TestCompare = {}

function TestCompare:test_same()
  for _, line in ipairs({ "-tan", "-xae", "-tanoemi", "-y" }) do
    lu.assertNil(C.compare(line, { program = spoiled("") }))
    lu.assertNil(C.compare(line, { program = C.need_reference(), cols = 100 }))
  end
end

function TestCompare:test_one_byte()
  for _, script in ipairs({ "0,/ESTAB/s//ESTAC/", "2s/ $//", "2s/0/1/", "1s/Recv-Q/Recv-q/", "$d",
    "2{h;d};3{G}", "2s/  /   /" }) do
    for _, opts in ipairs({ {}, { cols = 100 } }) do
      opts.program, opts.tries = spoiled(script), 2
      lu.assertStrContains(C.compare("-xan", opts) or "nothing found: " .. script, "line")
    end
  end
  lu.assertStrContains(C.compare("-tanoemi", { program = spoiled("s/cwnd:10/cwnd:11/"), tries = 2 })
    or "nothing found", "cwnd:10")
end

function TestCompare:test_exit_code()
  lu.assertStrContains(C.compare("-tan", { program = "/bin/false", tries = 1 }),
    "exit code 0 expected, got 1")
end

-- Texts: before, ours, after.
local function passes(before, ours, after)
  local texts = C.mask(before, ours, after)
  return texts ~= nil and (texts[1] == texts[2] or texts[2] == texts[3])
end

function TestCompare:test_what_moves()
  lu.assertTrue(passes(" lastsnd:100 x\n", " lastsnd:110 x\n", " lastsnd:120 x\n"))
  lu.assertTrue(passes("timer:(on,010ms,1)", "timer:(on,,1)", "timer:(on,,1)"))
  lu.assertTrue(passes("timer:(keepalive,10sec,0)  x", "timer:(keepalive,9.990ms,0) x",
    "timer:(keepalive,9.980ms,0) x"))
  lu.assertTrue(passes("tcpdiag:ss/100 \n", "tcpdiag:ss/101 \n", "tcpdiag:ss/102 \n"))
end

function TestCompare:test_what_does_not_move()
  -- the reference did not move
  lu.assertFalse(passes(" lastsnd:100 ", " lastsnd:110 ", " lastsnd:100 "))
  -- not between its two runs
  lu.assertFalse(passes(" lastsnd:100 ", " lastsnd:300 ", " lastsnd:120 "))
  lu.assertFalse(passes("timer:(on,500ms,1)", "timer:(on,5.00ms,1)", "timer:(on,490ms,1)"))
  -- another token, another row, another blank
  lu.assertFalse(passes(" lastsnd:1 cwnd:10", " lastsnd:2 cwnd:11", " lastsnd:3 cwnd:12"))
  lu.assertFalse(passes("timer:(on,100ms,1)", "timer:(on,090ms,2)", "timer:(on,080ms,1)"))
  lu.assertFalse(passes(" lastsnd:1 x  y", " lastsnd:2 x y", " lastsnd:3 x  y"))
  lu.assertFalse(passes(" lastsnd:1\n", " lastsnd:2\n\n", " lastsnd:3\n"))
end

TestTerminal = {}

function TestTerminal:test_ptyrun()
  local tool = (os.getenv("BUILD") or "build") .. "/tests/ptyrun"
  lu.assertEquals(S.run({ tool, "123", "45", "sh", "-c", "stty size <&1; exit 7" }),
    { out = "45 123\n", err = "", code = 7, timed_out = false })
  lu.assertEquals(S.run({ tool, "80", "24", "printf", "a\\nb\\r\\n\\001" }).out, "a\nb\r\n\1")
  lu.assertEquals(S.run({ tool, "80", "24", "/no/such/program" }).code, 127)
  lu.assertEquals(S.run({ tool, "x", "24", "true" }).code, 125)
end

S.main()
