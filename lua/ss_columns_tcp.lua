-- Owns what `ss -i` says of tcp and dccp sockets: struct tcp_info and what comes with it
-- (see ss_columns.lua). Each line is a token: its field, its format, and when it is left out.
local parts = require "ss_columns_parts"
local nonzero, when = parts.nonzero, parts.when

local tcp = {}

local function flag(field, text)
  return { field = field, map = { [true] = text, [false] = "" } }
end

local function signed(field, as)
  return { field = field, as = as, unless = 0, wrap = 32 }
end

local function ms(field, as, unless)
  return { field = field, as = as, unit = "ms", unless = unless or 0 }
end

-- Bits a second, exact with -n, else in steps of 1000.
local function bits(opt, part)
  part.as = opt.numeric and "%.0f" or "bits"
  return part
end

-- Of bytes a second.
local function rate(opt, field, before)
  return bits(opt, { field = field, mul = 8, unless = 0, before = before, after = "bps" })
end

-- What a congestion window in each round trip makes. The round trip is that of Vegas if it knows.
local function send_rate(opt)
  local function over(rtt)
    return bits(opt, {
      calc = { "cwnd", "mss", "*", 8e6, "*", { field = rtt, unit = "us" }, "/" }, unless = 0,
      before = " send ", after = "bps",
    })
  end
  return { first = {
    when({ vegas_enabled = true, { "vegas_rtt", ">", 0 } }, over "vegas_rtt"),
    over "rtt",
  } }
end

local function limited(field, name)
  return {
    when = { { field, ">", 0 } },
    { field = field, unit = "ms", as = " " .. name .. ":%u" },
    {
      calc = { 100, { field = field, unit = "us" }, "*", { field = "busy_time", unit = "us" },
        "/" },
      as = "ms(%.1f%%)",
    },
  }
end

local function bbr(opt)
  return {
    when = { bbr_bw = true },
    " bbr:(bw:", bits(opt, { field = "bbr_bw", mul = 8 }), "bps",
    { field = "bbr_min_rtt", as = ",mrtt:%g", unit = "ms", otherwise = ",mrtt:4.29497e+06" },
    nonzero("bbr_pacing_gain", ",pacing_gain:%g"), nonzero("bbr_cwnd_gain", ",cwnd_gain:%g"), ")",
  }
end

local dctcp = {
  { field = "dctcp_enabled", map = {
    [true] = " dctcp:(ce_state:", [false] = " dctcp:fallback_mode",
  } },
  {
    when = { dctcp_enabled = true },
    { field = "dctcp_ce_state", as = "%u" }, { field = "dctcp_alpha", as = ",alpha:%u" },
    { field = "dctcp_ab_ecn", as = ",ab_ecn:%u" }, { field = "dctcp_ab_tot", as = ",ab_tot:%u" },
    ")",
  },
}

local function tcp_info(opt)
  local options = ""
  if opt.options then
    options = {
      flag("timestamps", " ts"), flag("sack", " sack"), flag("ecn", " ecn"),
      flag("ecn_seen", " ecnseen"), flag("fastopen", " fastopen"),
    }
  end
  return {
    when = { ca_state = true },
    options,
    { field = "cong", as = " %s" },
    when({ wscale = true }, { field = "snd_wscale", as = " wscale:%d" },
      { field = "rcv_wscale", as = ",%d" }),
    ms("rto", " rto:%g", { 0, 3000 }),
    nonzero("backoff", " backoff:%u"),
    { field = "rtt", as = " rtt:%g", unit = "ms" },
    when({ rtt = true }, { field = "rttvar", as = "/%g", unit = "ms", otherwise = "/0" }),
    ms("ato", " ato:%g"),
    signed("mss", " mss:%d"),
    nonzero("pmtu", " pmtu:%u"),
    signed("rcv_mss", " rcvmss:%d"),
    signed("advmss", " advmss:%d"),
    nonzero("cwnd", " cwnd:%u"),
    when({ { "ssthresh", "<", 65535 } }, nonzero("ssthresh", " ssthresh:%d")),
    nonzero("bytes_sent", " bytes_sent:%u"),
    nonzero("bytes_retrans", " bytes_retrans:%u"),
    nonzero("bytes_acked", " bytes_acked:%u"),
    nonzero("bytes_received", " bytes_received:%u"),
    nonzero("segs_out", " segs_out:%u"),
    nonzero("segs_in", " segs_in:%u"),
    nonzero("data_segs_out", " data_segs_out:%u"),
    nonzero("data_segs_in", " data_segs_in:%u"),
    dctcp,
    bbr(opt),
    send_rate(opt),
    ms("last_data_sent", " lastsnd:%u"),
    ms("last_data_recv", " lastrcv:%u"),
    ms("last_ack_recv", " lastack:%u"),
    when({ { "pacing_rate", "!=", 0 } },
      rate(opt, "pacing_rate", " pacing_rate "), rate(opt, "max_pacing_rate", "/")),
    rate(opt, "delivery_rate", " delivery_rate "),
    nonzero("delivered", " delivered:%u"),
    nonzero("delivered_ce", " delivered_ce:%u"),
    flag("app_limited", " app_limited"),
    when({ { "busy_time", ">", 0 } },
      { field = "busy_time", as = " busy:%ums", unit = "ms" },
      limited("rwnd_limited", "rwnd_limited"), limited("sndbuf_limited", "sndbuf_limited")),
    nonzero("unacked", " unacked:%u"),
    { first = {
      when({ { "retrans", ">", 0 } }, { field = "retrans", as = " retrans:%u" },
        { field = "total_retrans", as = "/%u", otherwise = "/0" }),
      { field = "total_retrans", as = " retrans:0/%u", unless = 0 },
    } },
    nonzero("lost", " lost:%u"),
    when({ { "state", "!=", "listen" } }, nonzero("sacked", " sacked:%u")),
    nonzero("dsack_dups", " dsack_dups:%u"),
    nonzero("fackets", " fackets:%u"),
    { first = {
      when({ reordering = 3 }, ""),
      { field = "reordering", as = " reordering:%d", wrap = 32 },
      " reordering:0",
    } },
    signed("reord_seen", " reord_seen:%d"),
    ms("rcv_rtt", " rcv_rtt:%g"),
    signed("rcv_space", " rcv_space:%d"),
    nonzero("rcv_ssthresh", " rcv_ssthresh:%u"),
    nonzero("notsent", " notsent:%u"),
    ms("min_rtt", " minrtt:%g"),
    nonzero("rcv_ooopack", " rcv_ooopack:%u"),
    nonzero("snd_wnd", " snd_wnd:%u"),
  }
end

-- ---- md5 ---------------------------------------------------------------------------------

-- ss writes the keys at once, before the table that it is still collecting, and only for whom
-- they are into the table.
local function escaped(key)
  return (key:gsub(".", function(c)
    if c == " " or c == "\\" or c == "," or c:find "[^!-~]" then
      return ("\\%03o"):format(c:byte())
    end
  end))
end

local function md5_keys(record)
  local peers = record.md5_peers
  if not peers then
    return nil
  end
  local texts = {}
  for i, peer in ipairs(peers) do
    texts[i] = peer .. "="
  end
  for _, key in ipairs(record.md5_secrets) do
    io.stdout:write(escaped(key))
  end
  return " md5keys:" .. table.concat(texts, ",")
end

-- ---- upper layers ------------------------------------------------------------------------

local function number(field, names, before)
  local map = {}
  for name, text in pairs(names) do
    map[name] = before .. text
  end
  return { field = field, map = map, as = before .. "unknown(%d)" }
end

local tls_confs = { none = "none", sw = "sw", hw = "hw", ["hw-record"] = "hw-record" }
local tls = {
  number("tls_version", { ["1.2"] = "1.2", ["1.3"] = "1.3" }, " version: "),
  { field = "tls_cipher", map = {
    ["aes-gcm-128"] = " cipher: aes-gcm-128", ["aes-gcm-256"] = " cipher: aes-gcm-256",
  }, as = "%.0s" },
  number("tls_rx", tls_confs, " rxconf: "),
  number("tls_tx", tls_confs, " txconf: "),
  flag("tls_zerocopy", " zc_ro_tx"),
}

-- What a subflow of mptcp did, a letter each; capital letters are of the peer.
local subflow = {
  when({ subflow_token_remote = true }, " flags:"),
  { each = "subflow_flags", map = {
    ["capable-remote"] = "M", ["capable-local"] = "m", ["join-remote"] = "J",
    ["join-local"] = "j", ["backup-remote"] = "B", ["backup-local"] = "b",
    ["fully-established"] = "e", connected = "c", ["map-valid"] = "v",
  } },
  { field = "subflow_token_remote", as = " token:%04x" },
  { field = "subflow_id_remote", as = "(id:%u)" },
  { field = "subflow_token", as = "/%04x" },
  { field = "subflow_id", as = "(id:%u)" },
  { field = "subflow_map_seq", as = " seq:%x" },
  { field = "subflow_map_sfseq", as = " sfseq:%x" },
  { field = "subflow_ssn_offset", as = " ssnoff:%x" },
  { field = "subflow_map_len", as = " maplen:%x" },
}

function tcp.info(opt)
  local list = { tcp_info(opt) }
  if opt.table == "tcp" then
    list[2] = when({ md5_keys = true }, { value = md5_keys })
    list[3] = when({ ulp = true }, { field = "ulp", as = " tcp-ulp-%s" }, tls, subflow)
  end
  return list
end

-- ---- rows of /proc/net/tcp -----------------------------------------------------------------

-- The kernel counts in the upper bits how many acknowledgements are to be quick; ss takes the
-- lowest bit of these for the direction.
local odd = {}
for i = 1, 255, 2 do
  odd[#odd + 1] = i
end

-- What was repeated: retransmissions if that is the timer, else probes.
function tcp.proc_retrans(as, unless)
  return { first = {
    when({ timer = "on" }, { field = "retransmits", as = as, unless = unless }),
    { field = "probes", as = as, unless = unless },
  } }
end

-- Times are in seconds here; a line that ends before them stands for a window of 2.
tcp.proc_info = {
  { field = "rto", as = " rto:%g", unit = "s", unless = { 0, 3 } },
  { field = "ato", as = " ato:%g", unit = "s", unless = 0 },
  { first = {
    when({ quick_ack = -1, interactive = true }, ""), -- the column is -1, half of which is 0
    nonzero("quick_ack", " qack:%d"),
  } },
  when({ quick_ack = odd }, " bidir"),
  { first = {
    when({ cwnd = 0 }, ""),
    { field = "cwnd", as = " cwnd:%u" },
    when({ rto = true }, ""),
    " cwnd:2",
  } },
  nonzero("ssthresh", " ssthresh:%d"),
  -- of a listener the column is another
  { field = "fastopen_backlog", as = " ssthresh:%d", unless = { 0, -1 }, wrap = 32 },
  tcp.proc_retrans(" retrans:%u/0", 0),
  " reordering:0",
}

return tcp
