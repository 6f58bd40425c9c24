-- Owns which columns `ss` shows of a kind of socket and what stands in each, as data: nine PARTs
-- of a form (query:form, src/lua/form.c) in the layout of iproute2 6.1.0, where users and
-- all details are in the last one.
--
-- columns.KIND(opt) -> { netid, state, recvq, sendq, laddr, lport, raddr, rport, details }
--   KIND: inet unix packet netlink vsock tipc xdp
--   opt: table = "tcp", "udp", "raw", "dccp", "sctp" or "mptcp" of inet; and what was asked for:
--     numeric resolve options extended memory processes threads info tos cgroup sockopt bpf
--     tipcinfo contexts sock_contexts oneline events
--   opt.file: rows are of a file of messages (TCPDIAG_FILE), which hold more than was asked for
--   opt.names: the table whose names ports of dccp, sctp and mptcp have, which ss takes from
--     whatever table it listed before: "tcp", "udp", "raw" or nil (names of any protocol)
-- The rows must be of a query with the setting verbatim = true: ss prints the numbers of
-- listeners and of time-wait too.
local columns = {}

columns.inet = require "ss_columns_inet"

local other = require "ss_columns_other"
for _, kind in ipairs { "unix", "packet", "netlink", "vsock", "tipc", "xdp" } do
  columns[kind] = other[kind]
end

return columns
