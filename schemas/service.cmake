# Generated code lands in ${CMAKE_BINARY_DIR}/generated and is included as "schemas/NAME.capnp.h".
find_program(CAPNP capnp REQUIRED)

# graphite_schema(LIBRARY NAME.capnp …): a static library of generated code, without our warnings.
function(graphite_schema library)
  set(generated ${CMAKE_BINARY_DIR}/generated)
  foreach(schema ${ARGN})
    set(out ${generated}/schemas/${schema})
    # One may import another.
    list(TRANSFORM ARGN PREPEND ${CMAKE_SOURCE_DIR}/schemas/ OUTPUT_VARIABLE imported)
    add_custom_command(OUTPUT ${out}.c++ ${out}.h
      COMMAND ${CMAKE_COMMAND} -E make_directory ${generated}
      COMMAND ${CAPNP} compile -I/usr/include --src-prefix=${CMAKE_SOURCE_DIR} -oc++:${generated}
              ${CMAKE_SOURCE_DIR}/schemas/${schema}
      DEPENDS ${imported} ${CMAKE_SOURCE_DIR}/schemas/${schema} COMMENT "capnp ${schema}" VERBATIM)
    list(APPEND sources ${out}.c++ ${out}.h)
  endforeach()
  add_library(${library} STATIC ${sources})
  target_include_directories(${library} SYSTEM PUBLIC ${generated})
  target_link_libraries(${library} PUBLIC graphite_sanitizers capnp-rpc capnp kj-async kj)
endfunction()

graphite_schema(graphite_service_schema service.capnp jobs.capnp cluster.capnp)
