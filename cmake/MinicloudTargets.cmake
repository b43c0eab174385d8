# One target per folder: a target's sources are the *.cpp of its own folder, so
# a file is found from the target's name and the other way round.

add_library(mc_options INTERFACE)
target_include_directories(mc_options INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_options(mc_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual
  -Wcast-qual -Wimplicit-fallthrough -fno-omit-frame-pointer)

# mc_library(name [PUBLIC lib...] [PRIVATE lib...])
function(mc_library name)
  cmake_parse_arguments(arg "" "" "PUBLIC;PRIVATE" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  add_library(${name} STATIC ${sources})
  target_link_libraries(${name} PUBLIC mc_options ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()

# mc_core(name ...): as mc_library, and the same sources as <name>_switched, with the
# switches of base/rule.hpp: for tests/sim only, and built only for it. Under a sanitizer, where compiling takes longest,
# there are no switches, and sim tries no mutants. With MC_UNITY each is compiled in one piece.
function(mc_core name)
  mc_library(${name} ${ARGN})
  set_target_properties(${name} PROPERTIES UNITY_BUILD "${MC_UNITY}" UNITY_BUILD_BATCH_SIZE 0)
  if(MC_SANITIZER)
    add_library(${name}_switched ALIAS ${name})
    return()
  endif()
  cmake_parse_arguments(arg "" "" "PUBLIC;PRIVATE" ${ARGN})
  get_target_property(sources ${name} SOURCES)
  add_library(${name}_switched STATIC EXCLUDE_FROM_ALL ${sources})
  set_target_properties(${name}_switched PROPERTIES UNITY_BUILD "${MC_UNITY}" UNITY_BUILD_BATCH_SIZE 0)
  target_compile_definitions(${name}_switched PUBLIC MC_RULE_SWITCHES)
  target_link_libraries(${name}_switched PUBLIC mc_options ${arg_PUBLIC} PRIVATE ${arg_PRIVATE})
endfunction()

# mc_program(name lib...): main.cpp of the current folder.
function(mc_program name)
  add_executable(${name} main.cpp)
  target_link_libraries(${name} PRIVATE mc_options ${ARGN})
endfunction()

# mc_use_mimalloc(program): its heap is mimalloc's (docs/adr/0014-*), except where a sanitizer has its own. Nothing calls
# mimalloc by name, so linkers that drop such libraries are told to keep it.
function(mc_use_mimalloc program)
  if(NOT MC_SANITIZER)
    target_link_libraries(${program} PRIVATE "-Wl,--push-state,--no-as-needed" mimalloc "-Wl,--pop-state")
  endif()
endfunction()

# mc_test_timeout(variable seconds): more where a sanitizer makes programs slow.
function(mc_test_timeout variable seconds)
  if(MC_SANITIZER)
    math(EXPR seconds "5 * ${seconds}")
  endif()
  set(${variable} ${seconds} PARENT_SCOPE)
endfunction()

# mc_test(name [LABEL label] [LIBS lib...] [TIMEOUT seconds]): every *.cpp of the current folder in one program.
function(mc_test name)
  cmake_parse_arguments(arg "" "LABEL;TIMEOUT" "LIBS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 60)
  endif()
  mc_test_timeout(timeout ${arg_TIMEOUT})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  if(NOT sources)
    message(STATUS "${name}: no sources yet")
    return()
  endif()
  add_executable(${name} ${sources})
  target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE mc_options ${arg_LIBS} GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60
    PROPERTIES LABELS "${arg_LABEL}" TIMEOUT ${timeout})
endfunction()
