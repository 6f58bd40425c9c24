-- Owns how files of netlink messages are built that `ss` reads by TCPDIAG_FILE: messages of
-- SOCK_DIAG_BY_FAMILY with any attribute and any value, and NLMSG_DONE at the end
-- (<linux/netlink.h>, <linux/inet_diag.h>, <linux/tcp.h>).
local M = {}

local SOCK_DIAG_BY_FAMILY, NLMSG_DONE = 20, 3
local AF_INET, AF_INET6 = 2, 10

-- INET_DIAG_*
M.attr = {
	meminfo = 1, info = 2, vegas = 3, cong = 4, tos = 5, tclass = 6, skmem = 7, shutdown = 8,
	dctcp = 9, protocol = 10, v6only = 11, locals = 12, peers = 13, mark = 15, bbr = 16,
	class_id = 17, md5 = 18, ulp = 19, cgroup = 21, sockopt = 22,
}

-- struct tcp_info: where each member lies and its format for string.pack
M.info_places = {
	state = { 0, "B" }, ca_state = { 1, "B" }, retransmits = { 2, "B" }, probes = { 3, "B" },
	backoff = { 4, "B" }, options = { 5, "B" }, wscale = { 6, "B" }, app_limited = { 7, "B" },
	rto = { 8, "I4" }, ato = { 12, "I4" }, snd_mss = { 16, "I4" }, rcv_mss = { 20, "I4" },
	unacked = { 24, "I4" }, sacked = { 28, "I4" }, lost = { 32, "I4" }, retrans = { 36, "I4" },
	fackets = { 40, "I4" }, last_data_sent = { 44, "I4" }, last_ack_sent = { 48, "I4" },
	last_data_recv = { 52, "I4" }, last_ack_recv = { 56, "I4" }, pmtu = { 60, "I4" },
	rcv_ssthresh = { 64, "I4" }, rtt = { 68, "I4" }, rttvar = { 72, "I4" },
	snd_ssthresh = { 76, "I4" }, snd_cwnd = { 80, "I4" }, advmss = { 84, "I4" },
	reordering = { 88, "I4" }, rcv_rtt = { 92, "I4" }, rcv_space = { 96, "I4" },
	total_retrans = { 100, "I4" }, pacing_rate = { 104, "i8" }, max_pacing_rate = { 112, "i8" },
	bytes_acked = { 120, "i8" }, bytes_received = { 128, "i8" }, segs_out = { 136, "I4" },
	segs_in = { 140, "I4" }, notsent = { 144, "I4" }, min_rtt = { 148, "I4" },
	data_segs_in = { 152, "I4" }, data_segs_out = { 156, "I4" }, delivery_rate = { 160, "i8" },
	busy_time = { 168, "i8" }, rwnd_limited = { 176, "i8" }, sndbuf_limited = { 184, "i8" },
	delivered = { 192, "I4" }, delivered_ce = { 196, "I4" }, bytes_sent = { 200, "i8" },
	bytes_retrans = { 208, "i8" }, dsack_dups = { 216, "I4" }, reord_seen = { 220, "I4" },
	rcv_ooopack = { 224, "I4" }, snd_wnd = { 228, "I4" }, rcv_wnd = { 232, "I4" },
	rehash = { 236, "I4" },
}
M.info_size = 248

-- struct tcp_info with these members, others zero, of size bytes (248)
function M.tcp_info(members, size)
	local places = {}
	for name, value in pairs(members) do
		local place = assert(M.info_places[name], name)
		places[#places + 1] = { at = place[1], bytes = string.pack("<" .. place[2], value) }
	end
	table.sort(places, function(a, b)
		return a.at < b.at
	end)
	local parts, at = {}, 0
	for _, p in ipairs(places) do
		parts[#parts + 1] = ("\0"):rep(p.at - at) .. p.bytes
		at = p.at + #p.bytes
	end
	size = size or M.info_size
	local all = table.concat(parts)
	return #all < size and all .. ("\0"):rep(size - #all) or all:sub(1, size)
end

-- 32-bit numbers
function M.words(...)
	return string.pack("<" .. ("I4"):rep(select("#", ...)), ...)
end

function M.attribute(type, bytes)
	local pad = -#bytes % 4
	return string.pack("<I2I2", #bytes + 4, type) .. bytes .. ("\0"):rep(pad)
end

-- list: { {type, bytes}, ... }
function M.nest(list)
	local parts = {}
	for i, a in ipairs(list) do
		parts[i] = M.attribute(a[1], a[2])
	end
	return table.concat(parts)
end

-- struct tcp_diag_md5sig; address is 4 or 16 bytes
function M.md5key(address, prefix, key)
	return string.pack("<BBI2", #address == 4 and AF_INET or AF_INET6, prefix, #key) .. address ..
		("\0"):rep(16 - #address) .. key .. ("\0"):rep(80 - #key)
end

-- "127.0.0.1", "::1", "::ffff:10.0.0.1" as bytes; a text without dots and colons is itself
local function address(text, v6)
	local a, b, c, d = text:match("(%d+)%.(%d+)%.(%d+)%.(%d+)$")
	local v4 = a and string.char(a, b, c, d)
	if not v6 then
		return assert(v4) .. ("\0"):rep(12)
	end
	if v4 then
		text = text:gsub("[%d.]+$", ("%x:%x"):format(string.unpack(">I2I2", v4)))
	end
	local head, tail = text:match("^(.-)::(.*)$")
	local function groups(t)
		local bytes = {}
		for g in t:gmatch("%x+") do
			bytes[#bytes + 1] = string.pack(">I2", tonumber(g, 16))
		end
		return table.concat(bytes)
	end
	if not head then
		return groups(text)
	end
	head, tail = groups(head), groups(tail)
	return head .. ("\0"):rep(16 - #head - #tail) .. tail
end
M.address = address

-- A message. row: v6, state, timer, retrans, expires, laddr, lport, raddr, rport, ifindex, cookie,
-- rqueue, wqueue, uid, inode, and attrs = { {type, bytes}, ... }.
function M.message(row)
	local v6 = row.v6
	local any = v6 and "::" or "0.0.0.0"
	local body = string.pack("<BBBB>I2I2", v6 and AF_INET6 or AF_INET, row.state or 1, row.timer or 0,
		row.retrans or 0, row.lport or 0, row.rport or 0) ..
		address(row.laddr or any, v6) .. address(row.raddr or any, v6) ..
		string.pack("<I4i8I4I4I4I4I4", row.ifindex or 0, row.cookie or 0, row.expires or 0,
			row.rqueue or 0, row.wqueue or 0, row.uid or 0, row.inode or 0) ..
		M.nest(row.attrs or {})
	return string.pack("<I4I2I2I4I4", 16 + #body, SOCK_DIAG_BY_FAMILY, 2, 123456, 0) .. body
end

M.done = string.pack("<I4I2I2I4I4i4", 20, NLMSG_DONE, 2, 123456, 0, 0)

-- Writes the rows and the end.
function M.write(path, rows)
	local f = assert(io.open(path, "wb"))
	for _, row in ipairs(rows) do
		assert(f:write(M.message(row)))
	end
	assert(f:write(M.done))
	assert(f:close())
end

return M
