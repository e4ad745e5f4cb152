# mergeguard's rules in build mode, for CMake 3.20 or newer: find_package(mergeguard), then mergeguard_split.
#
#   mergeguard_split(<target> [OUT <dir>] [REQUIRED] [NO_LINE])
#   mergeguard_split(SOURCES <variable> [OUT <dir>] [MIRROR <folder>...] [REQUIRED] [NO_LINE])
#
# replaces every source that a rule in build mode names (.mergeguard/rules below CMAKE_SOURCE_DIR) by the units of its
# layout, which are made in <dir> (default: CMAKE_CURRENT_BINARY_DIR/mergeguard) and made again before a build when the
# monolith changed. A changed rule configures again. Where a rule does not fit, its monolith is compiled whole with a
# warning; REQUIRED makes that an error. The second form is for a list that goes through another step, such as hipify,
# before it is a target's; MIRROR also copies source folders into <dir>, for steps that rewrite a whole tree, and
# the list then names the files there.
#
# A project that must configure without mergeguard writes
#   find_package(mergeguard QUIET)
#   if(mergeguard_FOUND)
#     mergeguard_split(my_target)
#   endif()

cmake_minimum_required(VERSION 3.20)

if(NOT DEFINED MERGEGUARD_EXECUTABLE)
  # The package that this file belongs to, wherever it was found from; else what the PATH has.
  get_filename_component(_mergeguard_package "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
  find_program(MERGEGUARD_EXECUTABLE mergeguard DOC "The mergeguard command")
endif()
if(NOT MERGEGUARD_EXECUTABLE)
  set(mergeguard_FOUND FALSE)
  set(mergeguard_NOT_FOUND_MESSAGE "the command `mergeguard` is not on the PATH; set MERGEGUARD_EXECUTABLE")
  return()
endif()

function(mergeguard_split)
  cmake_parse_arguments(PARSE_ARGV 0 arg "REQUIRED;NO_LINE" "SOURCES;OUT" "MIRROR")
  if(arg_SOURCES)
    set(sources ${${arg_SOURCES}})
  else()
    list(GET arg_UNPARSED_ARGUMENTS 0 target)
    get_target_property(sources ${target} SOURCES)
  endif()
  set(out "${CMAKE_CURRENT_BINARY_DIR}/mergeguard")
  if(arg_OUT)
    get_filename_component(out "${arg_OUT}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_BINARY_DIR}")
  endif()
  set(command "${MERGEGUARD_EXECUTABLE}" generate --out "${out}" --root "${CMAKE_SOURCE_DIR}")
  foreach(folder IN LISTS arg_MIRROR)
    list(APPEND command --mirror "${folder}")
  endforeach()
  if(arg_NO_LINE)
    list(APPEND command --no-line)
  endif()
  if(NOT arg_REQUIRED)
    list(APPEND command --fallback)
  endif()

  execute_process(COMMAND ${command} --units cmake RESULT_VARIABLE failed OUTPUT_VARIABLE listed ERROR_VARIABLE said)
  # A rule that is added, removed or edited may make other units.
  file(GLOB rules CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/.mergeguard/rules/*.toml")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${rules})
  if(failed)
    if(arg_REQUIRED)
      message(FATAL_ERROR "mergeguard: ${said}")
    endif()
    message(WARNING "mergeguard: the monoliths are compiled whole: ${said}")
    return()
  endif()
  set(list_file "${CMAKE_CURRENT_BINARY_DIR}/CMakeFiles/mergeguard-${target}${arg_SOURCES}.cmake")
  file(WRITE "${list_file}" "${listed}")
  include("${list_file}")
  foreach(warning IN LISTS mergeguard_warnings)
    message(WARNING "mergeguard: ${warning}")
  endforeach()

  set(split "")
  foreach(source IN LISTS sources)
    get_filename_component(path "${source}" REALPATH BASE_DIR "${CMAKE_CURRENT_SOURCE_DIR}")
    list(FIND mergeguard_monoliths "${path}" index)
    if(index LESS 0)
      if(arg_MIRROR AND NOT IS_ABSOLUTE "${source}" AND EXISTS "${out}/${source}")
        set(source "${out}/${source}")
      endif()
      list(APPEND split "${source}")
    else()
      # Each monolith's language and flags, as the project set them, are its units', too.
      get_source_file_property(language "${source}" LANGUAGE)
      get_source_file_property(options "${source}" COMPILE_OPTIONS)
      get_source_file_property(definitions "${source}" COMPILE_DEFINITIONS)
      foreach(unit IN LISTS mergeguard_units_${index})
        if(language)
          set_source_files_properties("${unit}" PROPERTIES LANGUAGE "${language}")
        endif()
        if(options)
          set_source_files_properties("${unit}" PROPERTIES COMPILE_OPTIONS "${options}")
        endif()
        if(definitions)
          set_source_files_properties("${unit}" PROPERTIES COMPILE_DEFINITIONS "${definitions}")
        endif()
        list(APPEND split "${unit}")
      endforeach()
    endif()
  endforeach()

  add_custom_command(
    OUTPUT "${out}/mergeguard-generated.json"
    BYPRODUCTS ${mergeguard_files}
    COMMAND ${command} --units none
    DEPENDS ${mergeguard_inputs}
    COMMENT "Deriving layouts with mergeguard"
    VERBATIM)
  if(arg_SOURCES)
    set(${arg_SOURCES} ${split} "${out}/mergeguard-generated.json" PARENT_SCOPE)
  else()
    set_property(TARGET ${target} PROPERTY SOURCES ${split} "${out}/mergeguard-generated.json")
  endif()
endfunction()
