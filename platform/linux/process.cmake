# Running programs: processes, threads, scratch folders, tools.
graphite_library(graphite_process SOURCES
  memory_scratch.cpp
  process_group.cpp
  process_runner.cpp
  program_lookup.cpp
  scratch_space.cpp
  spawn.cpp
  tool_process.cpp
  tool_resolver.cpp
  tool_workers.cpp
  warden.cpp
  PUBLIC graphite_threads PRIVATE graphite_linux)
