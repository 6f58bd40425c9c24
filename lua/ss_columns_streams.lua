-- Owns what `ss -i` says of sctp and mptcp sockets (see ss_columns.lua).
local parts = require "ss_columns_parts"
local nonzero = parts.nonzero

local streams = {}

local function flag(field, text)
  return { field = field, map = { [true] = text, [false] = "" } }
end

-- ---- sctp ----------------------------------------------------------------------------------

local states = {
  closed = "CLOSED", ["cookie-wait"] = "COOKIE_WAIT", ["cookie-echoed"] = "COOKIE_ECHOED",
  established = "ESTAB", ["shutdown-pending"] = "SHUTDOWN_PENDING",
  ["shutdown-sent"] = "SHUTDOWN_SENT", ["shutdown-received"] = "SHUTDOWN_RECEIVED",
  ["shutdown-ack-sent"] = "ACK_SENT",
}
streams.sctp_states = states

-- These come unasked, so that -m prints them too.
streams.sctp_addresses = {
  { each = "laddrs", between = ",", before = " locals:" },
  { each = "raddrs", between = ",", before = " peers:" },
}

streams.sctp = {
  nonzero("sctp_tag", " tag:%x"),
  { field = "sctp_state", map = states, unless = "closed", before = " state:" },
  nonzero("sctp_rwnd", " rwnd:%d"),
  nonzero("sctp_unacked", " unackdata:%d"),
  nonzero("sctp_pending", " penddata:%d"),
  nonzero("sctp_in_streams", " instrms:%d"),
  nonzero("sctp_out_streams", " outstrms:%d"),
  nonzero("sctp_inqueue", " inqueue:%d"),
  nonzero("sctp_outqueue", " outqueue:%d"),
  nonzero("sctp_errors", " overerr:%d"),
  nonzero("sctp_max_burst", " maxburst:%d"),
  nonzero("sctp_maxseg", " maxseg:%d"),
  nonzero("sctp_peer_rwnd", " prwnd:%d"),
  nonzero("sctp_peer_tag", " ptag:%x"),
  nonzero("sctp_peer_capable", " pcapable:%d"),
  nonzero("sctp_peer_sack", " psack:%d"),
  nonzero("sctp_autoclose", " autoclose:%d"),
  nonzero("sctp_adaptation", " adapind:%d"),
  nonzero("sctp_pd_point", " pdpoint:%d"),
  flag("sctp_nodelay", " nodelay:1"),
  flag("sctp_nofragment", " nofrag:1"),
  flag("sctp_v4mapped", " v4mapped:1"),
  nonzero("sctp_interleave", " fraginl:%d"),
}

-- ---- mptcp ---------------------------------------------------------------------------------

streams.mptcp = {
  nonzero("mptcp_subflows", " subflows:%d"),
  nonzero("mptcp_add_addr_signal", " add_addr_signal:%d"),
  nonzero("mptcp_add_addr_accepted", " add_addr_accepted:%d"),
  nonzero("mptcp_subflows_max", " subflows_max:%d"),
  nonzero("mptcp_add_addr_signal_max", " add_addr_signal_max:%d"),
  nonzero("mptcp_add_addr_accepted_max", " add_addr_accepted_max:%d"),
  flag("mptcp_fallback", " fallback"),
  flag("mptcp_remote_key", " remote_key"),
  nonzero("mptcp_token", " token:%x"),
  nonzero("mptcp_write_seq", " write_seq:%x"),
  nonzero("mptcp_snd_una", " snd_una:%x"),
  nonzero("mptcp_rcv_nxt", " rcv_nxt:%x"),
}

return streams
