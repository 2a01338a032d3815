# Geo databases, made from Debian's tor-geoipdb and tzdata by tools/geo/make-database: never committed.
#
#   target geo            build/geo/country.mmdb, build/geo/city.mmdb: the whole world; one copy for all presets, at the
#                         place that zones/shop.yaml names
#   target geo_fixtures   ${CMAKE_BINARY_DIR}/geo/*.mmdb: small files of the layouts and record sizes that tests read

set(MERIDIAN_GEO_MAKER ${CMAKE_SOURCE_DIR}/tools/geo/make-database)
set(MERIDIAN_GEO_INPUTS ${MERIDIAN_GEO_MAKER} ${CMAKE_SOURCE_DIR}/tools/geo/countries.txt
                        ${CMAKE_SOURCE_DIR}/tools/geo/networks.txt)

# meridian_geo_database(FILE OPTIONS...): a rule that makes one database.
function(meridian_geo_database file)
  cmake_path(GET file PARENT_PATH folder)
  add_custom_command(OUTPUT ${file}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${folder}
    COMMAND ${MERIDIAN_GEO_MAKER} --out ${file} ${ARGN}
    DEPENDS ${MERIDIAN_GEO_INPUTS}
    COMMENT "Making ${file}" VERBATIM)
endfunction()

set(MERIDIAN_GEO_WORLD ${CMAKE_SOURCE_DIR}/build/geo)
meridian_geo_database(${MERIDIAN_GEO_WORLD}/country.mmdb --layout country)
meridian_geo_database(${MERIDIAN_GEO_WORLD}/city.mmdb --layout city)
add_custom_target(geo ALL DEPENDS ${MERIDIAN_GEO_WORLD}/country.mmdb ${MERIDIAN_GEO_WORLD}/city.mmdb)

set(MERIDIAN_GEO_FIXTURES)
foreach(size 24 28 32)
  foreach(layout city asn)
    meridian_geo_database(${CMAKE_BINARY_DIR}/geo/${layout}-${size}.mmdb --layout ${layout} --no-world --record-size ${size})
    list(APPEND MERIDIAN_GEO_FIXTURES ${CMAKE_BINARY_DIR}/geo/${layout}-${size}.mmdb)
  endforeach()
endforeach()
# The other layouts, and a tree of IPv4 alone.
foreach(layout country enterprise isp)
  meridian_geo_database(${CMAKE_BINARY_DIR}/geo/${layout}-28.mmdb --layout ${layout} --no-world)
  list(APPEND MERIDIAN_GEO_FIXTURES ${CMAKE_BINARY_DIR}/geo/${layout}-28.mmdb)
endforeach()
meridian_geo_database(${CMAKE_BINARY_DIR}/geo/city-ipv4.mmdb --layout city --no-world --ipv4 --record-size 24)
list(APPEND MERIDIAN_GEO_FIXTURES ${CMAKE_BINARY_DIR}/geo/city-ipv4.mmdb)
add_custom_target(geo_fixtures DEPENDS ${MERIDIAN_GEO_FIXTURES})
