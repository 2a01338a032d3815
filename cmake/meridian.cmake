# Helpers that every folder's CMakeLists.txt uses: one call makes one target out of one folder.

function(meridian_use_ccache)
  find_program(CCACHE_PROGRAM ccache)
  if(CCACHE_PROGRAM)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM} PARENT_SCOPE)
  endif()
endfunction()

add_library(meridian_flags INTERFACE)
target_include_directories(meridian_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(meridian_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Werror
  -fno-strict-aliasing -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=
  # libstdc++ 12's std::stable_sort calls what it deprecates itself; clang tells, GCC does not.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>)

# Each header can be included alone. One with a source of its name is compiled alone by that, which includes it first
# (tools/lint sees to it); the others are in the set that CMake compiles for `all_verify_interface_header_sets`.
function(meridian_headers name sources headers)
  set(with_source)
  set(alone)
  foreach(header IN LISTS headers)
    string(REGEX REPLACE "\\.h$" ".cc" source ${header})
    if(source IN_LIST sources)
      list(APPEND with_source ${header})
    else()
      list(APPEND alone ${header})
    endif()
  endforeach()
  target_sources(${name} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${with_source}
                                FILE_SET alone TYPE HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR} FILES ${alone})
  set_target_properties(${name} PROPERTIES INTERFACE_HEADER_SETS_TO_VERIFY alone)
endfunction()

# meridian_library(dns_core LINKS shared_core): all sources and headers of the calling folder and its rooms.
# Sources are globbed, so that adding a file never means editing a list that others edit too.
function(meridian_library name)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  if(sources)
    add_library(${name} STATIC ${sources})
    target_link_libraries(${name} PUBLIC meridian_flags ${ARG_LINKS})
    meridian_headers(${name} "${sources}" "${headers}")
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE meridian_flags ${ARG_LINKS})
  endif()
endfunction()

# meridian_program(meridian-dns LINKS dns_serve): main.cc of the calling folder.
function(meridian_program name)
  cmake_parse_arguments(ARG "" "" "LINKS;SOURCES" ${ARGN})
  if(NOT ARG_SOURCES)
    set(ARG_SOURCES main.cc)
  endif()
  list(GET ARG_SOURCES 0 first)
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${first})
    return()
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE meridian_flags ${ARG_LINKS})
  target_compile_definitions(${name} PRIVATE MERIDIAN_VERSION="${MERIDIAN_VERSION}")
endfunction()

# Tests, put together into batches of at most MERIDIAN_BATCH of one folder: more than half of what a test costs is the reading of
# headers that its neighbours read, too. Each test has a namespace of its own name (tools/lint sees to it). A batch names its tests
# from the top of the project, so that the compiler cache serves every checkout, and a new test moves those of its folder only.
function(meridian_batches sources out)
  if(MERIDIAN_BATCH LESS 2)
    set(${out} ${sources} PARENT_SCOPE)
    return()
  endif()
  set(folders)
  foreach(source IN LISTS sources)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR})
    cmake_path(GET source PARENT_PATH folder)
    list(APPEND folders ${folder})
    list(APPEND tests_of_${folder} ${source})
  endforeach()
  list(REMOVE_DUPLICATES folders)
  set(batches)
  foreach(folder IN LISTS folders)
    set(number 0)
    while(tests_of_${folder})
      list(SUBLIST tests_of_${folder} 0 ${MERIDIAN_BATCH} batch)
      list(REMOVE_ITEM tests_of_${folder} ${batch})
      list(TRANSFORM batch REPLACE ".+" "#include \"\\0\"\n")
      list(JOIN batch "" text)
      set(file ${CMAKE_BINARY_DIR}/batches/${folder}/${number}.cc)
      file(CONFIGURE OUTPUT ${file} CONTENT "${text}")
      list(APPEND batches ${file})
      math(EXPR number "${number} + 1")
    endwhile()
  endforeach()
  set(${out} ${batches} PARENT_SCOPE)
endfunction()

# meridian_tests(dns_core_test FOLDER dns/core LINKS dns_core): every *_test.cc below tests/FOLDER in one program.
function(meridian_tests name)
  cmake_parse_arguments(ARG "" "FOLDER" "LINKS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${ARG_FOLDER}/*_test.cc)
  if(NOT sources)
    return()
  endif()
  meridian_batches("${sources}" compiled)
  add_executable(${name} ${compiled})
  target_link_libraries(${name} PRIVATE meridian_flags ${ARG_LINKS} test_paths GTest::gtest GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 300)
endfunction()

# meridian_fuzz(dns_query LINKS dns_core): tests/fuzz/dns_query.cc with libFuzzer, or, without it, as a
# program that replays tests/fuzz/corpus/dns_query in the normal test run.
function(meridian_fuzz name)
  cmake_parse_arguments(ARG "" "" "LINKS" ${ARGN})
  add_executable(fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/${name}.cc)
  target_link_libraries(fuzz_${name} PRIVATE meridian_flags ${ARG_LINKS})
  if(MERIDIAN_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_sources(fuzz_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/fuzz/replay.cc)
    add_test(NAME fuzz_${name}_corpus COMMAND fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${name})
  endif()
endfunction()
