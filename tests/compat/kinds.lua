-- Owns files of messages of sockets that few kernels can make: sctp, dccp, raw by sock_diag, vsock,
-- tipc and xdp, for nlfeed (tests/tool/nlfeed.c). <linux/vm_sockets_diag.h>, <linux/xdp_diag.h>,
-- <linux/tipc_netlink.h>, <linux/tipc_sockets_diag.h>, struct sctp_info of <linux/sctp.h>.
local D = require "diagfile"
local A, W = D.attr, D.words

local K = {}

local function short(n)
  return string.pack("<I2", n)
end

local function long(n)
  return string.pack("<i8", n)
end

local function message(body)
  return string.pack("<I4I2I2I4I4", 16 + #body, 20, 2, 0, 0) .. body
end

local function inet(rows)
  local list = {}
  for i, row in ipairs(rows) do
    row.cookie = row.cookie or i
    list[i] = D.message(row)
  end
  return table.concat(list)
end

-- ---- sctp -----------------------------------------------------------------------------------

-- struct sockaddr_storage
local function sockaddr(text)
  local v6 = text:find ":" ~= nil
  local head = string.pack("<I2>I2", v6 and 10 or 2, 5000)
  local bytes = D.address(text, v6)
  if v6 then
    head = head .. W(0) .. bytes .. W(0)
  else
    head = head .. bytes:sub(1, 4)
  end
  return head .. ("\0"):rep(128 - #head)
end

-- Numbers of the association, whose state is as in the row (ss ends by a fault at others), and of
-- the socket.
local function sctp_info(n, s, state)
  local head = W(n, state or 0, n) .. short(n & 0xffff):rep(4) .. W(n, n, n, n, n, n, n, n) ..
    string.char(n & 255, n >> 1 & 255) .. "\0\0"
  local rest = long(n):rep(14) .. sockaddr "10.0.0.9" .. W(2) .. W(n):rep(10) .. short(1) .. "\0\0"
  return head .. rest .. W(s, s, s) .. string.char(s & 1, s >> 1 & 1, s >> 2 & 1, s & 3) .. W(0, 0)
end

local function sctp_rows()
  local rows = {}
  local locals = { A.locals, sockaddr "10.0.0.1" .. sockaddr "10.0.0.2" .. sockaddr "fe80::1" }
  local peers = { A.peers, sockaddr "10.0.0.9" .. sockaddr "::ffff:10.0.0.8" }
  for i, n in ipairs { 0, 1, 7, 65535, 0x7fffffff } do
    rows[#rows + 1] = {
      state = 10, inode = 100 + i, lport = 5000, laddr = "10.0.0.1", rqueue = 3, wqueue = 128,
      attrs = { { A.info, sctp_info(0, n) }, locals },
    }
    for state = 0, 7 do
      rows[#rows + 1] = {
        state = state, inode = 100 + i, lport = 5000, rport = 80, laddr = "10.0.0.1",
        raddr = "10.0.0.9", timer = state % 3, expires = n, retrans = state, uid = 7,
        attrs = {
          { A.info, sctp_info(n, 0, state) }, locals, peers,
          { A.skmem, W(1, 2, 3, 4, 5, 6, 7, 8, 9) },
        },
      }
    end
  end
  -- one whose socket has no row of its own before it
  rows[#rows + 1] = {
    state = 3, inode = 900, lport = 1, attrs = { { A.info, sctp_info(5, 0, 3) }, locals, peers },
  }
  return rows
end

-- ---- dccp and raw --------------------------------------------------------------------------

local function dccp_rows()
  local rows = {}
  for state = 1, 11 do
    rows[#rows + 1] = {
      state = state, lport = 5000 + state, rport = 22, laddr = "127.0.0.1", inode = state,
      timer = state % 5, expires = 1234, retrans = 2, uid = 9,
      attrs = {
        { A.info, D.tcp_info {
          rto = 204000, rtt = 1000, snd_cwnd = 3, snd_mss = 500, reordering = 3, unacked = state,
        } },
        { A.skmem, W(1, 2, 3, 4, 5, 6, 7) }, { A.shutdown, "\1" }, { A.mark, W(5) },
      },
    }
  end
  return rows
end

-- ss takes the protocol for that of the socket
local function raw_rows()
  local rows = {}
  for _, protocol in ipairs { 0, 1, 2, 6, 17, 33, 58, 89, 132, 136, 255 } do
    rows[#rows + 1] = {
      state = 7, lport = protocol, laddr = "10.0.0.1", inode = protocol + 1, uid = 1,
      attrs = {
        { A.protocol, string.char(protocol) }, { A.shutdown, "\0" },
        { A.skmem, W(1, 2, 3, 4, 5, 6, 7, 8, 9) },
      },
    }
  end
  return rows
end

-- ---- vsock, xdp, tipc ----------------------------------------------------------------------

local function vsock()
  local list, any = {}, 0xffffffff
  local function row(type, state, down, ...)
    list[#list + 1] = message(string.pack("<BBBB", 40, type, state, down) .. W(...) ..
      W(#list + 5) .. long(#list + 100))
  end
  row(1, 10, 0, any, 1234, any, any)
  row(1, 1, 3, 2, 1024, 3, 4294967294)
  row(2, 7, 0, 3, any, 1, 0)
  row(5, 2, 0, 0, 0, 0, 0)
  for state = 1, 11 do
    row(1, state, state % 4, state, state * 1000, 7, 80)
  end
  return table.concat(list)
end

local function xdp()
  local list = {}
  local function row(attrs)
    list[#list + 1] = message(string.pack("<BBI2", 44, 3, 0) .. W(#list + 9) .. long(#list + 77) ..
      D.nest(attrs))
  end
  row {}
  row {
    { 1, W(1, 3) }, { 2, W(1000) }, { 3, W(2048) }, { 4, W(1024) },
    { 5, long(1 << 34) .. W(1, 4096, 2048, 256, 1, 3, 1, 2) }, { 6, W(512) }, { 7, W(256) },
    { 8, W(1, 2, 3, 4, 5, 6, 7, 8, 9) },
    { 9, long(1) .. long(2) .. long(3) .. long(4) .. long(5) .. long(-1) },
  }
  row { { 1, W(77, 0) }, { 3, W(0) }, { 5, long(0) .. W(0, 0, 0, 0, 0, 0, 0, 0) } }
  row { { 1, W(1, 4294967295) }, { 4, W(64) }, { 9, long(0):rep(6) } }
  return table.concat(list)
end

-- The messages of tipc have no header; the nests of 6.1's kernels have no flag.
local function tipc()
  local list = {}
  local function row(attrs)
    attrs[#attrs + 1] = { 10, long(#list + 0xabc) }
    list[#list + 1] = message(D.nest { { 2, D.nest(attrs) } })
  end
  local function stat(rcvq, sendq, drop, more)
    local s = { { 0, W(rcvq) }, { 1, W(sendq) } }
    s[#s + 1] = more
    s[#s + 1] = { 4, W(drop) }
    return { 5, D.nest(s) }
  end
  row {
    { 6, W(1) }, { 9, W(10) }, { 7, W(55) }, { 8, W(1000) }, { 1, W(0x1001001) },
    { 2, W(123456) }, { 4, "" }, stat(3, 4, 9, { 2, "" }),
  }
  row {
    { 6, W(5) }, { 9, W(1) }, { 7, W(56) }, { 8, W(0) }, { 1, W(1) }, { 2, W(2) },
    { 3, D.nest { { 1, "" }, { 2, W(7) }, { 3, W(8) }, { 4, W(100) }, { 5, W(200) } } },
    stat(0, 0, 0, { 3, "" }),
  }
  row {
    { 6, W(2) }, { 9, W(7) }, { 7, W(57) }, { 8, W(0) }, { 1, W(1) }, { 2, W(2) },
    { 3, D.nest { { 2, W(7) }, { 3, W(8) } } }, stat(0, 0xffffffff, 1),
  }
  row {
    { 6, W(4) }, { 9, W(2) }, { 7, W(0) }, { 8, W(0) }, { 1, W(1) }, { 2, W(2) }, stat(0, 0, 0),
  }
  return table.concat(list)
end

-- By the name of a table: where nlfeed is to answer, and the messages.
K.sctp = { feed = "2.132", text = inet(sctp_rows()) }
K.dccp = { feed = "2.33", text = inet(dccp_rows()) }
K.raw = { feed = "2.255", text = inet(raw_rows()) }
K.vsock = { feed = "40", text = vsock() }
K.xdp = { feed = "44", text = xdp() }
K.tipc = { feed = "30", text = tipc() }

return K
