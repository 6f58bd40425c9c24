-- ss_summary: what `ss -s` prints, from the texts of /proc/net/sockstat, sockstat6 and snmp.

-- As C reads an int of a text: what does not fit wraps.
local function int(text)
  local n = math.tointeger(tonumber(text))
  if not n then
    n = text:sub(1, 1) == "-" and math.mininteger or math.maxinteger
  end
  return ((n + 0x80000000) & 0xffffffff) - 0x80000000
end

-- Lines `NAME: word N word N ...` -> {NAME = {N, N, ...}}, up to the first that is no number; what
-- a later line of the name tells wins.
local function numbers(text, into)
  for name, rest in (text or ""):gmatch("([^\n:]*):([^\n]*)") do
    into[name] = into[name] or {}
    local i = 0
    for word in rest:gmatch("%s*%S+%s+(%S+)") do
      local digits = word:match("^[+-]?%d+")
      if not digits then
        break
      end
      i = i + 1
      into[name][i] = int((digits:gsub("^%+", "")))
    end
  end
  return into
end

-- The member of this name in one of the pairs of lines of /proc/net/snmp.
local function snmp(text, protocol, name)
  local names, values = (text or ""):match("(" .. protocol .. ":[^\n]*)\n(" .. protocol
    .. ":[^\n]*)")
  if not values then
    return nil
  end
  local value = values:gmatch("%S+")
  for word in names:gmatch("%S+") do
    local v = value()
    if word == name and v then
      return int(v)
    end
  end
end

local rows = {
  { "RAW", "RAW", "RAW6" }, { "UDP", "UDP", "UDP6" }, { "TCP", "TCP", "TCP6" },
  { "INET" }, { "FRAG", "FRAG", "FRAG6" },
}

-- read(NAME) -> the text of /proc/net/NAME, or nil and a message; warn(message) tells of one that
-- is missing. Returns the text.
return function(read, warn)
  local sockstat, why = read("sockstat")
  local stat = {}
  if sockstat then
    numbers(sockstat, stat)
    numbers(read("sockstat6"), stat)
  else
    warn("ss: get_sockstat: " .. why)
  end
  local text, fault = read("snmp")
  local established = snmp(text, "Tcp", "CurrEstab")
  if not established then
    warn("ss: get_snmpstat: " .. (fault or "there is no CurrEstab"))
  end

  local function of(name, i)
    return stat[name] and stat[name][i] or 0
  end

  local orphan, tw, alloc = of("TCP", 2), of("TCP", 3), of("TCP", 4)
  local used = of("TCP", 1) + of("TCP6", 1)
  local out = {
    ("Total: %d\n"):format(of("sockets", 1)),
    ("TCP:   %d (estab %d, closed %d, orphaned %d, timewait %d)\n\n"):format(alloc + tw,
      established or 0, alloc + tw - used, orphan, tw),
    "Transport Total     IP        IPv6\n",
  }
  local sum4, sum6 = 0, 0
  for _, row in ipairs(rows) do
    local v4, v6
    if row[2] then
      v4, v6 = of(row[2], 1), of(row[3], 1)
      sum4, sum6 = sum4 + v4, sum6 + v6
    else
      v4, v6 = sum4, sum6
    end
    out[#out + 1] = ("%s\t  %-9d %-9d %-9d\n"):format(row[1], v4 + v6, v4, v6)
  end
  out[#out + 1] = "\n"
  return table.concat(out)
end
