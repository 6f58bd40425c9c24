std = "lua54"
max_line_length = 100
read_globals = {
  "sockets", "links", "addrs", "routes", "nexthops", "rules", "neighs", "maddrs", "processes",
  "namespaces", "counters", "limits", "route", "snapshot",
  "count", "sleep", "help", "connsh", "ss",
}

-- They use selectors, name<...>, which are no plain Lua.
exclude_files = { "examples/", "build/" }

-- LuaUnit finds tests among the globals, by name; a method of a test has no need of self.
files["tests/"] = { allow_defined_top = true, ignore = { "131/Test.*" }, self = false }
