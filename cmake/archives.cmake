# Static libraries instead of shared ones, so that riacho is one file: Debian's own *.a where a development package has one, and those
# that tools/archives.sh has made. What neither has is linked as a shared library. Sanitized builds keep the shared ones.
set(RIACHO_ARCHIVES ${CMAKE_SOURCE_DIR}/build/archives CACHE PATH "Where tools/archives.sh has put static libraries")
# Looked at again by every build: tools/archives.sh may have run in between.
file(GLOB riacho_archives CONFIGURE_DEPENDS ${RIACHO_ARCHIVES}/*.a)

# riacho_link_archive(TARGET fmt): links libfmt.a for the imported TARGET if there is one. WITH: what the archive needs itself.
function(riacho_link_archive target name)
  cmake_parse_arguments(ARG "" "" "WITH" ${ARGN})
  if(RIACHO_SANITIZE OR RIACHO_THREAD_SANITIZE)
    return()
  endif()
  find_library(archive lib${name}.a HINTS ${RIACHO_ARCHIVES} NO_CACHE)
  if(NOT archive)
    return()
  endif()
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    set_property(TARGET ${target} PROPERTY INTERFACE_LINK_LIBRARIES ${archive} ${ARG_WITH})
    return()
  endif()
  get_target_property(configurations ${target} IMPORTED_CONFIGURATIONS)
  set_property(TARGET ${target} PROPERTY IMPORTED_LOCATION ${archive})
  foreach(configuration ${configurations})
    set_property(TARGET ${target} PROPERTY IMPORTED_LOCATION_${configuration} ${archive})
  endforeach()
  set_property(TARGET ${target} APPEND PROPERTY INTERFACE_LINK_LIBRARIES ${ARG_WITH})
endfunction()
