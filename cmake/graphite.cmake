# Interface targets for warnings and sanitizers, and the helpers that every folder uses.
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers need these to be cacheable.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()

# The compiler collects its garbage again and again below this (KB), and every time touches each page of a precompiled
# header: up to a fifth of a file's time, for about 100 MB more of memory.
add_compile_options($<$<AND:$<CXX_COMPILER_ID:GNU>,$<COMPILE_LANGUAGE:CXX>>:--param=ggc-min-heapsize=1000000>)

# Most of a file's time goes into headers and templates: four files that share them take half as long.
set(CMAKE_UNITY_BUILD ${GRAPHITE_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 4)

add_library(graphite_warnings INTERFACE)
target_compile_options(graphite_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow=compatible-local -Wnon-virtual-dtor
  -Woverloaded-virtual -Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds -Wno-restrict
  $<$<BOOL:${GRAPHITE_UNITY}>:-Wno-subobject-linkage>  # it takes the four files for headers
  $<$<CXX_COMPILER_ID:Clang>:-Wno-unknown-warning-option> $<$<BOOL:${GRAPHITE_WERROR}>:-Werror>)

add_library(graphite_sanitizers INTERFACE)
if(GRAPHITE_SANITIZE)
  # Tests are unoptimised and have line numbers only: the compiler's time is what counts, a third of that with -O1 -g.
  # A fuzz target runs for long.
  target_compile_options(graphite_sanitizers INTERFACE -fsanitize=${GRAPHITE_SANITIZE} -fno-omit-frame-pointer
    $<IF:$<BOOL:${GRAPHITE_FUZZ}>,-O1,-O0> -g1)
  target_link_options(graphite_sanitizers INTERFACE -fsanitize=${GRAPHITE_SANITIZE})
endif()

# What ctest sets for every test of a sanitized build: the first report ends the program, known ones of libraries do not
# count (each with its reason in tests/sanitizers).
set(GRAPHITE_SANITIZER_ENVIRONMENT
  "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1"
  "LSAN_OPTIONS=print_suppressions=0:suppressions=${CMAKE_SOURCE_DIR}/tests/sanitizers/lsan.supp"
  "UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1:suppressions=${CMAKE_SOURCE_DIR}/tests/sanitizers/ubsan.supp"
  "TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=${CMAKE_SOURCE_DIR}/tests/sanitizers/tsan.supp")

# For code that is compiled often and runs seldom: the compiler's time is what counts: less than with -O1, which
# took two fifths less than -O3.
add_library(graphite_quick_to_compile INTERFACE)
if(NOT GRAPHITE_SANITIZE)
  target_compile_options(graphite_quick_to_compile INTERFACE $<$<CONFIG:Release>:-Og>)
endif()

find_package(Threads REQUIRED)
find_package(fmt REQUIRED)

# One precompiled header of the standard library for all; folders with heavy third-party headers have their own.
add_library(graphite_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
target_precompile_headers(graphite_pch PRIVATE <algorithm> <array> <atomic> <chrono> <compare> <condition_variable>
  <cstdint> <cstring> <deque> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span> <string>
  <string_view> <thread> <tuple> <unordered_map> <unordered_set> <utility> <variant> <vector> <fmt/format.h>
  <tl/expected.hpp>)
target_compile_options(graphite_pch PRIVATE -fpch-preprocess)
target_link_libraries(graphite_pch PUBLIC graphite_sanitizers fmt::fmt Threads::Threads PRIVATE graphite_warnings)

if(GRAPHITE_TESTS)
  find_package(GTest REQUIRED)
  add_library(graphite_test_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cpp)
  target_precompile_headers(graphite_test_pch PRIVATE <algorithm> <array> <chrono> <cstdint> <cstring> <filesystem>
    <functional> <map> <memory> <mutex> <optional> <random> <set> <span> <string> <string_view> <thread>
    <unordered_map> <variant> <vector> <fmt/format.h> <gtest/gtest.h> <gmock/gmock.h> <tl/expected.hpp>)
  target_compile_options(graphite_test_pch PRIVATE -fpch-preprocess -fPIC)
  target_link_libraries(graphite_test_pch PUBLIC graphite_sanitizers fmt::fmt Threads::Threads GTest::gtest GTest::gmock
    PRIVATE graphite_quick_to_compile graphite_warnings)
endif()

# graphite_library(NAME SOURCES a.cpp … [PUBLIC lib …] [PRIVATE lib …] [NO_PCH])
# A static library of one folder; sources are listed one by one.
function(graphite_library name)
  cmake_parse_arguments(ARG "NO_PCH" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC graphite_sanitizers fmt::fmt Threads::Threads ${ARG_PUBLIC}
    PRIVATE graphite_warnings ${ARG_PRIVATE})
  if(NOT ARG_NO_PCH)
    target_precompile_headers(${name} REUSE_FROM graphite_pch)
    target_compile_options(${name} PRIVATE -fpch-preprocess)
  endif()
endfunction()

# All programs of graphite_test, and those of two labels.
add_custom_target(test_programs)
add_custom_target(unit_test_programs)
add_custom_target(adapter_test_programs)

# graphite_test(NAME LABEL unit|actor|adapter|sim|e2e SOURCES a_test.cpp … [LIBS lib …] [NO_PCH])
# One GoogleTest program. Its cases become one ctest entry each, with the label.
function(graphite_test name)
  cmake_parse_arguments(ARG "NO_PCH" "LABEL;TIMEOUT" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gtest GTest::gmock GTest::gtest_main graphite_warnings
    graphite_quick_to_compile graphite_sanitizers)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(NOT ARG_NO_PCH)
    target_precompile_headers(${name} REUSE_FROM graphite_test_pch)
    target_compile_options(${name} PRIVATE -fpch-preprocess -fPIC)
  endif()
  target_link_libraries(${name} PRIVATE fmt::fmt Threads::Threads)
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_dependencies(test_programs ${name})
  if(TARGET ${ARG_LABEL}_test_programs)
    add_dependencies(${ARG_LABEL}_test_programs ${name})
  endif()
  add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
  set_tests_properties(${name} PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT})
  if(GRAPHITE_SANITIZE)
    math(EXPR slower "${ARG_TIMEOUT} * 5")
    set_tests_properties(${name} PROPERTIES TIMEOUT ${slower} ENVIRONMENT "${GRAPHITE_SANITIZER_ENVIRONMENT}")
  endif()
endfunction()
