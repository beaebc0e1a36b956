graphite_test(process_tests LABEL adapter SOURCES
  memory_scratch_test.cpp
  process_runner_test.cpp
  program_lookup_test.cpp
  scratch_space_test.cpp
  tool_resolver_test.cpp
  LIBS graphite_process graphite_crypto)

add_executable(test_tool tool_program.cpp)
target_link_libraries(test_tool PRIVATE graphite_schemas graphite_warnings graphite_sanitizers)
set_target_properties(test_tool PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
graphite_test(tool_workers_tests LABEL adapter SOURCES
  tool_workers_test.cpp
  LIBS graphite_process graphite_schemas)
target_compile_definitions(tool_workers_tests PRIVATE GRAPHITE_TEST_TOOL="${CMAKE_BINARY_DIR}/tests/test_tool")
add_dependencies(tool_workers_tests test_tool)

# Of its own, for the thread sanitizer.
graphite_test(thread_pool_tests LABEL adapter SOURCES
  thread_pool_contract_test.cpp
  thread_pool_test.cpp
  ${CMAKE_SOURCE_DIR}/tests/core/bounded_ring_test.cpp
  LIBS graphite_threads)
graphite_test(thread_turns_tests LABEL adapter SOURCES
  thread_turns_test.cpp
  LIBS graphite_thread_turns graphite_threads)
