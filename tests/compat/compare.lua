-- Compares `connsh ss` with the installed ss: the same command line is run by both, on a pipe or on
-- a terminal of a given width, and standard output and exit code must be the same, byte for byte.
--
--   local C = require("compare")
--   C.check("-tanoe state established")          -- fails the running test if they differ
--   C.check({ "-xa", "src", "/tmp/a b" }, { cols = 80 })
--   C.check("-tn", { env = { PROC_NET_TCP = path } })
--
-- A reference differs from itself where numbers move between two runs. Ours therefore runs between
-- two runs of the reference, and only those tokens of the table below that were not the same in
-- both may differ, within what the reference showed before and after. C.moved() lists what that
-- was used for. The environment variable COMPAT_SS names another program in place of ours: with
-- the reference itself there, a failure is a fault of the tests.

local lu = require("luaunit")
local S = require("support")

local C = {}

-- ---- what may move --------------------------------------------------------------------------

-- A token is what stands between the two position captures. One with `own` is about the running
-- process itself; any other must lie between what two runs of the reference show.
local movers = {
  { name = "timer", pattern = "timer:%(%a+,()[^,)]*(),", why = "the time left of a timer" },
  { name = "lastsnd", pattern = " lastsnd:()%d+()", why = "time since the last segment" },
  { name = "lastrcv", pattern = " lastrcv:()%d+()", why = "time since the last segment" },
  { name = "lastack", pattern = " lastack:()%d+()", why = "time since the last segment" },
  { name = "busy", pattern = " busy:()%d+()ms", why = "time with unacknowledged data" },
  { name = "rwnd_limited", pattern = " rwnd_limited:()%d+ms%([%d.]+()%%%)",
    why = "time that the peer's window stopped the sender" },
  { name = "sndbuf_limited", pattern = " sndbuf_limited:()%d+ms%([%d.]+()%%%)",
    why = "time that the own buffer stopped the sender" },
  { name = "own port", pattern = "tcpdiag:ss/()%d+()", own = true,
    why = "the own netlink socket is called by the pid of the process" },
  { name = "own port", pattern = " 4:()[1-9]%d*() ", own = true,
    why = "the own netlink socket is called by the pid of the process" },
  { name = "sockets in use", pattern = "%f[^\n\0]Total: ()%d+()",
    why = "those of a process that has ended are counted for a while" },
  { name = "host's sockets", pattern = "%f[^\n\0]TCP:   ()%d+() %(",
  why = "counted over the host" },
  { name = "host's sockets", pattern = ", closed ()%-?%d+(),",
    why = "from the number of the whole host" },
  { name = "host's sockets", pattern = ", orphaned ()%d+(),", why = "counted over the host" },
}

-- The own netlink socket stands before or after the kernel's of that protocol, as the hash of its
-- port has it: the kernel's goes first.
local own_rows = { " 4:[1-9]%d* ", "tcpdiag:ss/" }
local kernel_rows = { " 4:0 ", "tcpdiag:kernel" }

local function kernel_first(text)
  for i, own in ipairs(own_rows) do
    local at = text:find(own)
    if at then
      local lines = {}
      for line in text:gmatch("[^\n]*\n?") do
        lines[#lines + 1] = line
      end
      for n = 1, #lines - 1 do
        if lines[n]:find(own) and lines[n + 1]:find(kernel_rows[i], 1, true) then
          lines[n], lines[n + 1] = lines[n + 1], lines[n]
        end
      end
      text = table.concat(lines)
    end
  end
  return text
end

-- A number or a time as ss writes them -> a number that grows with it, or nil.
local scale = { ms = 1, sec = 1000, min = 60000 }

local function measure(text)
  if text == "" then
    return 0
  end
  local minutes, seconds = text:match("^(%d+)min(%d+)sec$")
  if minutes then
    return minutes * 60000 + seconds * 1000
  end
  local number, unit = text:match("^([%d.]+)(%a*)$")
  if not number then
    return tonumber((text:match("^%-?%d+")))
  end
  -- 1.500ms is a second and a half: ss names the wrong unit
  local value = tonumber(number) * (unit == "ms" and number:find(".", 1, true) and 1000
    or scale[unit] or 1)
  return value
end

-- Half of the last digit that the text shows, and a unit that changed counts as the larger.
local function slack(text)
  return text:find("min$") and 60000 or text:find("sec$") and 1000 or 1
end

local function between(value, a, b, mover)
  if mover.own then
    return tonumber(value) ~= nil
  end
  local v, x, y = measure(value), measure(a), measure(b)
  if not (v and x and y) then
    return false
  end
  local room = math.max(slack(value), slack(a), slack(b))
  return v >= math.min(x, y) - room and v <= math.max(x, y) + room
end

local function occurrences(text, mover)
  local list, at = {}, 1
  while true do
    local first, last, from, to = text:find(mover.pattern, at)
    if not first then
      return list
    end
    list[#list + 1] = { from = from, to = to - 1, text = text:sub(from, to - 1) }
    at = math.max(last, to, first + 1)
  end
end

local function replace(text, cuts)
  table.sort(cuts, function(a, b) return a.from < b.from end)
  local parts, at = {}, 1
  for _, cut in ipairs(cuts) do
    parts[#parts + 1] = text:sub(at, cut.from - 1)
    parts[#parts + 1] = "#"
    at = cut.to + 1
  end
  parts[#parts + 1] = text:sub(at)
  return table.concat(parts)
end

-- The three texts with what moved in the reference replaced, and what that was; nil if they cannot
-- be held against each other. Where the moved texts have not the same length, columns are wider or
-- narrower by that, so that blanks count only as blanks: `squeezed`.
local function mask(before, ours, after)
  local cuts = { {}, {}, {} }
  local names, squeezed = {}, false
  before, ours, after = kernel_first(before), kernel_first(ours), kernel_first(after)
  for _, mover in ipairs(movers) do
    local a, o, b = occurrences(before, mover), occurrences(ours, mover), occurrences(after, mover)
    if #a ~= #b or #a ~= #o then
      return nil
    end
    for i = 1, #a do
      if (a[i].text ~= b[i].text or mover.own) and between(o[i].text, a[i].text, b[i].text, mover)
      then
        table.insert(cuts[1], a[i])
        table.insert(cuts[2], o[i])
        table.insert(cuts[3], b[i])
        names[mover.name] = (names[mover.name] or 0) + 1
        squeezed = squeezed or #a[i].text ~= #o[i].text or #a[i].text ~= #b[i].text
      end
    end
  end
  local texts = { replace(before, cuts[1]), replace(ours, cuts[2]), replace(after, cuts[3]) }
  if squeezed then
    for i, text in ipairs(texts) do
      texts[i] = text:gsub("  +", " "):gsub(" +\n", "\n")
    end
  end
  return texts, names
end

C.mask = mask

-- ---- running --------------------------------------------------------------------------------

local scratch

local function build()
  return os.getenv("BUILD") or "build"
end

-- A folder of the run with `ss`, the link to connsh: so the process has the name of the reference.
local function scratch_folder()
  if not scratch then
    scratch = S.run({ "mktemp", "-d" }).out:match("[^\n]+")
    local program = S.run({ "realpath", S.connsh_path() }).out:match("[^\n]+")
    assert(S.run({ "ln", "-s", program, scratch .. "/ss" }).code == 0)
    -- kept as long as the program: removed when it ends
    C.guard = setmetatable({}, { __gc = function()
      os.execute("rm -rf " .. S.sh_quote(scratch))
    end })
  end
  return scratch
end

-- The path of the installed ss, or nil and why it is no reference.
local function reference()
  local path = S.run("command -v ss").out:match("[^\n]+")
  if not path then
    return nil, "no ss on this system"
  end
  local version = S.run({ path, "-V" }).out:match("[^\n]*")
  if version ~= "ss utility, iproute2-6.1.0" then
    return nil, "the installed ss is no 6.1.0 but '" .. version .. "'"
  end
  return path
end

local ss_path, no_reference = reference()

-- Skips the running test where there is no ss 6.1.0 to hold ours against.
function C.need_reference()
  if not ss_path then
    S.skip(no_reference)
  end
  return ss_path
end

function C.ours()
  return os.getenv("COMPAT_SS") or scratch_folder() .. "/ss"
end

-- Words of a text, or the list as it is.
local function words_of(line)
  if type(line) == "table" then
    return line
  end
  local words = {}
  for word in line:gmatch("%S+") do
    words[#words + 1] = word
  end
  return words
end

local function quoted(words)
  local list = {}
  for i, word in ipairs(words) do
    list[i] = word:find("^[%w%-_=./:,+@%%]+$") and word or S.sh_quote(word)
  end
  return table.concat(list, " ")
end

-- How a person would run it: what failures say.
local function shown(words, opts)
  local parts = {}
  for name, value in pairs(opts.env or {}) do
    parts[#parts + 1] = name .. "=" .. value
  end
  table.sort(parts)
  parts[#parts + 1] = "ss " .. quoted(words)
  if opts.as then
    table.insert(parts, 1, table.concat(opts.as, " "))
  end
  if opts.cols then
    parts[#parts + 1] = "(on a terminal of " .. opts.cols .. " columns)"
  end
  return table.concat(parts, " ")
end

-- Runs it. opts: cols = width of a terminal, else a pipe; env = variables; as = words that the
-- command line is handed to (setpriv ...); stdin = path. Returns {out =, code =, err =}: err is a
-- path, its text is that of the last run.
local function run(program, words, opts)
  local parts = { "exec" }
  if opts.env then
    parts[#parts + 1] = "env"
    for name, value in pairs(opts.env) do
      parts[#parts + 1] = S.sh_quote(name .. "=" .. value)
    end
  end
  if opts.cols then
    parts[#parts + 1] = S.sh_quote(build() .. "/tests/ptyrun") .. " " .. opts.cols .. " 24"
  end
  if opts.as then
    parts[#parts + 1] = quoted(opts.as)
  end
  parts[#parts + 1] = S.sh_quote(program) .. " " .. quoted(words)
  parts[#parts + 1] = "<" .. S.sh_quote(opts.stdin or "/dev/null")
  parts[#parts + 1] = "2>" .. S.sh_quote(scratch_folder() .. "/err")
  local pipe = assert(io.popen(table.concat(parts, " "), "r"))
  local out = pipe:read("a")
  local _, how, code = pipe:close()
  if opts.both then
    out = opts.both(out)
  end
  return { out = out, code = how == "signal" and 128 + code or code }
end

C.run = function(program, line, opts)
  return run(program, words_of(line), opts or {})
end

-- ---- comparing ------------------------------------------------------------------------------

local function visible(line)
  return (line:gsub("[%c\128-\255]", function(c) return ("\\x%02x"):format(c:byte()) end)
    :gsub(" +$", function(blanks) return ("·"):rep(#blanks) end))
end

local function lines_of(text)
  local list = {}
  for line, ending in text:gmatch("([^\n]*)(\n?)") do
    if line ~= "" or ending ~= "" then
      list[#list + 1] = line .. (ending == "" and "\\ no newline" or "")
    end
  end
  return list
end

local function first_difference(a, b)
  for i = 1, math.max(#a, #b) do
    if a:byte(i) ~= b:byte(i) then
      return i
    end
  end
end

-- What differs, for people: the first lines that do, blanks at their ends as dots.
local function report(wanted, got)
  local a, b = lines_of(wanted), lines_of(got)
  local parts = {}
  if #a ~= #b then
    parts[#parts + 1] = ("%d lines expected, %d got"):format(#a, #b)
  end
  local differing = 0
  for i = 1, math.max(#a, #b) do
    if a[i] ~= b[i] then
      differing = differing + 1
      if differing <= 3 then
        local at = first_difference(a[i] or "", b[i] or "")
        parts[#parts + 1] = ("line %d, byte %d:\n  expected |%s\n       got |%s"):format(i, at,
          a[i] and visible(a[i]) or "(no line)", b[i] and visible(b[i]) or "(no line)")
      end
    end
  end
  parts[#parts + 1] = differing .. " lines differ"
  return table.concat(parts, "\n")
end

C.report = report

local compared, moved = 0, {}

-- What the reference differs from itself in: a list of {command line, {token = times}}; and the
-- number of command lines that were compared.
function C.moved()
  return moved, compared
end

local function run_reference(words, opts)
  local result = run(ss_path, words, opts)
  if opts.expect then
    result.out = opts.expect(result.out)
  end
  return result
end

-- The comparison once, ours between two runs of the reference. true, or false and how they differ.
local function attempt(before, program, words, opts)
  local ours = run(program, words, opts)
  if ours.code ~= before.code then
    return false, ("exit code %d expected, got %d: %s"):format(before.code, ours.code,
      S.read_file(scratch_folder() .. "/err"):sub(1, 400)), before
  end
  if ours.out == before.out then
    return true
  end
  local after = run_reference(words, opts)
  if ours.out == after.out then
    return true
  end
  local texts, names = mask(before.out, ours.out, after.out)
  if not texts then
    return false, report(before.out, ours.out), after
  end
  if texts[1] == texts[2] or texts[2] == texts[3] then
    moved[#moved + 1] = { shown(words, opts), names }
    return true
  end
  return false, report(texts[1], texts[2]), after
end

-- Compares; nil if they are the same, else a text that says how they differ. More runs than one
-- are for what happens between two runs: a retransmission, a row that ends.
--
-- opts: as in `run`, and program = what stands for ours; expect = function(text) -> text, what the
-- reference's output should have been where ours differs on purpose; both = function(text) -> text,
-- on the output of both, where they are no text; tries = 6.
function C.compare(line, opts)
  opts = opts or {}
  local words = words_of(line)
  local why
  local before = run_reference(words, opts)
  compared = compared + 1
  for try = 1, opts.tries or 6 do
    if try > 2 then
      -- a burst of retransmissions goes by
      os.execute("sleep 0.2")
      before = run_reference(words, opts)
    end
    local same, reason, next_before = attempt(before, opts.program or C.ours(), words, opts)
    if same then
      return nil
    end
    why, before = reason, next_before
  end
  return shown(words, opts) .. "\n" .. why
end

-- The same as an assertion of the running test.
function C.check(line, opts)
  C.need_reference()
  local why = C.compare(line, opts)
  if why then
    lu.fail(why)
  end
  lu.assertNil(why)
end

-- Compares all and fails once, naming the first that differ; a list of {line, opts}. So a test over
-- hundreds of command lines says everything that is wrong with them.
function C.check_all(list)
  C.need_reference()
  local faults = {}
  for _, item in ipairs(list) do
    local why = C.compare(item[1], item[2])
    lu.assertTrue(true) -- one more that was looked at
    if why then
      faults[#faults + 1] = why
    end
  end
  if #faults > 0 then
    lu.fail(("%d of %d command lines differ\n%s"):format(#faults, #list,
      table.concat(faults, "\n", 1, math.min(#faults, C.most_faults))))
  end
end

C.most_faults = tonumber(os.getenv("COMPAT_FAULTS")) or 8

-- Comments of TAP: how many were compared, and the proof for each that moved.
function C.summary()
  print(("# %d command lines compared, in %d the reference differs from itself"):format(compared,
    #moved))
  for _, item in ipairs(moved) do
    local names = {}
    for name, times in pairs(item[2]) do
      names[#names + 1] = name .. " x" .. times
    end
    table.sort(names)
    print("#   " .. item[1]:gsub("\n", " ") .. ": " .. table.concat(names, ", "))
  end
end

-- Makes the summary the last test of the file.
function C.summary_last()
  rawset(_G, "TestZ", { test_count = C.summary })
end

return C
