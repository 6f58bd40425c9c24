-- Prints the columns that ss shows of sockets, a row a line, with one blank between columns and
-- none where ss has none: `connsh columns.lua KIND TABLE FILE OPTION...`. FILE is one of
-- messages of inet sockets, a text of /proc/net as "text:PATH", or "-": the sockets that there are.
-- For the tests of lua/ss_columns.lua.
local columns = require "ss_columns"

local kind, name, file = arg[1], arg[2], arg[3]
local opt = { table = name }
for i = 4, #arg do
  local key, value = arg[i]:match "^(%w+)=(.*)$"
  opt[key or arg[i]] = value or true
end
local query = { proto = kind == "inet" and name or kind, verbatim = true, ordered = true }
if file:find "^text:" then
  query.text = file:sub(6)
  query.family = kind == "inet" and "inet" or nil
elseif file ~= "-" then
  opt.file = true
  query.diag, query.first_dump = file, true
end
if kind == "inet" and name == "tcp" then
  query.state = {
    "established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait", "close",
    "close-wait", "last-ack", "listen", "closing", "bound-inactive",
  }
end
query.threads = opt.threads
query.contexts = opt.contexts or opt.sock_contexts
local rows = sockets(query)
local nine = columns[kind](opt)
local line = {
  nine[1], " ", nine[2], " ", nine[3], " ", nine[4], " ", nine[5], nine[6], " ", nine[7], nine[8],
  " ", nine[9],
}
rows:write(rows:form { line, "\n" })
