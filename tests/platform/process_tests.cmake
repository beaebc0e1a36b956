graphite_test(process_tests LABEL adapter SOURCES
  memory_scratch_test.cpp
  process_runner_test.cpp
  program_lookup_test.cpp
  scratch_space_test.cpp
  thread_pool_test.cpp
  tool_resolver_test.cpp
  LIBS graphite_process graphite_crypto)
