# What memory the machine has, and pages as large as it gives them.
graphite_library(graphite_linux_memory SOURCES
  large_pages.cpp
  memory_facts.cpp
  PUBLIC graphite_core)
