# tamis_layer(NAME SOURCES f.c... DEPENDS layer... [LINK target...])
#
# One static library a layer, tamis_NAME, with its own include root: <build>/roots/NAME holds one link, NAME, to src/NAME,
# so "value/column.h" is found only by layers that depend on value. An upward include does not compile; an upward call does not
# link in tests/unit/test_NAME, which links tamis_NAME and what is below it and nothing else.
function(tamis_layer name)
  cmake_parse_arguments(L "" "" "SOURCES;DEPENDS;LINK" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/roots/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${name} ${root}/${name} SYMBOLIC)
  list(TRANSFORM L_SOURCES PREPEND src/${name}/)
  add_library(tamis_${name} STATIC ${L_SOURCES})
  target_include_directories(tamis_${name} PUBLIC ${root})
  foreach(dep ${L_DEPENDS})
    target_link_libraries(tamis_${name} PUBLIC tamis_${dep})
  endforeach()
  target_link_libraries(tamis_${name} PRIVATE tamis_flags)
  if(L_LINK)
    target_link_libraries(tamis_${name} PUBLIC ${L_LINK})
  endif()
endfunction()
