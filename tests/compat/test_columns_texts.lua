-- What ss prints of rows that came from texts of /proc/net: the same texts are read by the
-- installed ss and by `connsh ss` (PROC_NET_*).

local S = require "support"
package.path = os.getenv "TESTS" .. "/compat/?.lua;" .. package.path
local J = require "judge"

-- variable: what names the text; the table has no other then
local function same(variable, select, text, sets)
  local path = S.temporary(text)
  J.each(sets, select, { variable .. "=" .. path, variable .. "6=/dev/null" })
end

local inet_line =
  "%4d: %s:%04X 0100007F:C350 %02X %08X:%08X %02X:%08X %08X %5d %8d %d %d %016x %s\n"
local queues = { 0, 1, 100, 0x7fffffff, 0xffffffff }

-- Columns of every value, and lines that end early as those of time-wait do.
function TestTcp()
  local list = { "header\n" }
  for state = 1, 11 do
    for _, rest in ipairs { "100 4 30 10 -1", "20 4 31 2 7", "0 0 0 0 0", "20 4 30 10 -1 some more",
      "", "300 40 2 65535 65535", "20 4 30 1 20", "7 3 4 5 2147483646", "20 0 254 4294967295 6" } do
      local i = #list
      list[#list + 1] = inet_line:format(i, i % 7 == 0 and "00000000" or "0100007F", i * 5 % 3 * 80,
        state, queues[i % 5 + 1], queues[i % 4 + 1], i % 6, i * 70 % 700 * i % 4 * 100, i % 4,
        i % 3 * 1000, i % 5, 1000 + i, i % 4, 0xffff888000001000 + i, rest)
    end
  end
  same("PROC_NET_TCP", { "-t" }, table.concat(list),
    { "n", "", "no", "ne", "nm", "ni", "neim", "neimO" })
end

local function datagrams()
  local list = { "header\n" }
  for i, rest in ipairs { "0", "0 extra words", "", "77   " } do
    for _, state in ipairs { 1, 7 } do
      list[#list + 1] = inet_line:format(i, "0100007F", state == 7 and 53 or i, state, queues[i],
        queues[i + 1], 0, 0, 0, i, 0, 500 + i, 2, i, rest)
    end
  end
  return table.concat(list)
end

function TestUdp()
  same("PROC_NET_UDP", { "-u" }, datagrams(), { "n", "", "neim", "neimO" })
end

function TestRaw()
  same("PROC_NET_RAW", { "-w" }, datagrams(), { "n", "", "neim", "neimO" })
end

function TestUnix()
  local list = { "header\n" }
  local names = { "", " /a b", " @x", " /tmp/with:colon", " @00012" }
  for _, type in ipairs { 1, 2, 5 } do
    for state = 0, 4 do
      for _, flags in ipairs { 0, 0x10000 } do
        local i = #list
        list[#list + 1] = ("%016x: 00000003 00000000 %08x %04x %02x %d%s\n"):format(i, flags, type,
          state, 1000 + i, names[i % #names + 1])
      end
    end
  end
  same("PROC_NET_UNIX", { "-x" }, table.concat(list), { "n", "em", "eO" })
end

-- Each ethertype.
function TestPacket()
  local list = { "header\n" }
  for protocol = 0, 65535 do
    list[#list + 1] = ("%016x 3      %d    %04x   %d     1 %d      %d      %d\n"):format(0x1234,
      protocol % 2 == 0 and 3 or 2, protocol, protocol % 3 == 0 and 1 or 0, protocol % 7,
      protocol % 5, 1000 + protocol)
  end
  same("PROC_NET_PACKET", { "-0" }, table.concat(list), { "", "n", "em" })
end

function TestNetlink()
  local list = { "header\n" }
  local ports = { 0, 1, 99999999, 4294967295, 4294966000 }
  for protocol = 0, 39 do
    list[#list + 1] = ("%016x %d   %d  %08x %d   %d   %x  2    0   %d\n"):format(0xabc, protocol,
      ports[protocol % 5 + 1], protocol * 0x5000003 & 0xffffffff, queues[protocol % 5 + 1],
      protocol * 2, protocol % 3 * 0x1000, protocol + 7)
  end
  same("PROC_NET_NETLINK", { "-f", "netlink" }, table.concat(list),
    { "", "n", "e", "em", "eO" })
end

S.main()
