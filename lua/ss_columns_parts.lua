-- Owns the parts of columns that several kinds of sockets have in common (see ss_columns.lua).
local parts = {}

-- Names of <net/tcp_states.h> as ss prints them; bound-inactive is CLOSE to ss.
parts.states = {
  established = "ESTAB", ["syn-sent"] = "SYN-SENT", ["syn-recv"] = "SYN-RECV",
  ["fin-wait-1"] = "FIN-WAIT-1", ["fin-wait-2"] = "FIN-WAIT-2", ["time-wait"] = "TIME-WAIT",
  close = "UNCONN", ["close-wait"] = "CLOSE-WAIT", ["last-ack"] = "LAST-ACK", listen = "LISTEN",
  closing = "CLOSING", ["bound-inactive"] = "UNCONN",
}

parts.state = { field = "state", map = parts.states, otherwise = "UNKNOWN" }

-- A queue; the number is taken as signed, as ss takes it.
function parts.queue(field)
  return { field = field, as = "%-6d", wrap = 32, otherwise = "0     " }
end

-- A number that stands in a text unless it is zero.
function parts.nonzero(field, as)
  return { field = field, as = as, unless = 0 }
end

function parts.when(condition, ...)
  return { when = condition, ... }
end

-- Processes that hold the socket, the newest first.
function parts.users(opt)
  if not (opt.processes or opt.threads or opt.contexts or opt.sock_contexts) then
    return ""
  end
  local holder = { '("', { field = "comm", upto = ")" }, '",', { field = "pid", as = "pid=%d," } }
  if opt.threads then
    holder[#holder + 1] = { field = "tid", as = "tid=%d," }
  end
  if opt.contexts or opt.sock_contexts then
    holder[#holder + 1] =
      { field = "context", as = "proc_ctx=%s,", otherwise = "proc_ctx=unavailable," }
  end
  holder[#holder + 1] = { field = "fd", as = "fd=%d" }
  if opt.sock_contexts then
    holder[#holder + 1] =
      { field = "sock_context", as = ",sock_ctx=%s", otherwise = ",sock_ctx=unavailable" }
  end
  holder[#holder + 1] = ")"
  return {
    each = "holders", part = holder, between = ",", reverse = true,
    before = " users:(", after = ")",
  }
end

-- The id of the cgroup whose path is not to be found stands for it.
parts.cgroup = { first = {
  { field = "cgroup", as = " cgroup:%s" },
  { field = "cgroup_id", as = " cgroup:unreachable:%x" },
} }

-- What -e says first of a socket of most kinds. pointer: rows of /proc have their pointer for the
-- cookie that they lack.
local function identity(pointer)
  local cookie = { field = "cookie", as = " sk:%x", otherwise = " sk:0" }
  return {
    parts.nonzero("uid", " uid:%u"),
    { field = "inode", as = " ino:%u", otherwise = " ino:0" },
    pointer and { first = { { field = "kernel_pointer", as = " sk:%x" }, cookie } } or cookie,
    parts.nonzero("mark", " fwmark:0x%x"),
    parts.when({ { "cgroup_id", "!=", 0 } }, parts.cgroup),
  }
end
parts.identity = identity(false)
parts.identity_of_tcp = identity(true)

-- Socket memory, SK_MEMINFO_*: the last two are of younger kernels.
parts.memory = {
  { field = "rmem", as = " skmem:(r%u" },
  { field = "rcvbuf", as = ",rb%u" },
  { field = "wmem", as = ",t%u" },
  { field = "sndbuf", as = ",tb%u" },
  { field = "fwd_alloc", as = ",f%u" },
  { field = "wmem_queued", as = ",w%u" },
  { field = "optmem", as = ",o%u" },
  { field = "backlog_mem", as = ",bl%u" },
  { field = "drops", as = ",d%u" },
  ")",
  when = { rcvbuf = true },
}

-- Which directions are shut down.
parts.shutdown = {
  { field = "shutdown_recv", map = { [true] = " --", [false] = " <-" } },
  { field = "shutdown_send", map = { [true] = "-", [false] = ">" } },
}

-- Details begin a line of their own, or do not.
function parts.line(opt)
  return opt.oneline and "" or "\n\t"
end

return parts
