# `cmake --install build/release`: programs, units, users, man pages, completions, examples, documents. debian/*.install sorts
# them into packages. Manuals and completions are made at the install, by the programs' own --help (tools/manuals).
include(GNUInstallDirs)

install(TARGETS meridian-dns meridian-edge meridian RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES systemd/meridian-dns@.service systemd/meridian-edge@.service DESTINATION lib/systemd/system)
install(FILES systemd/meridian.sysusers DESTINATION lib/sysusers.d RENAME meridian.conf)
install(FILES systemd/meridian.tmpfiles DESTINATION lib/tmpfiles.d RENAME meridian.conf)
install(FILES systemd/meridian-edge.logrotate DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/logrotate.d RENAME meridian-edge)
install(DIRECTORY examples/start/ DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/meridian/example)
install(PROGRAMS tools/geo/make-database DESTINATION ${CMAKE_INSTALL_DATADIR}/meridian/geo)
install(FILES tools/geo/countries.txt tools/geo/networks.txt DESTINATION ${CMAKE_INSTALL_DATADIR}/meridian/geo)
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/meridian-doc FILES_MATCHING PATTERN "*.md")
install(FILES README.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/meridian-doc)
install(FILES CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/meridian-doc RENAME versions.md)  # debhelper would take its own name for Debian's
install(CODE "
  execute_process(COMMAND /usr/bin/python3 \"${CMAKE_SOURCE_DIR}/tools/manuals\" --programs \"${CMAKE_RUNTIME_OUTPUT_DIRECTORY}\"
                  --out \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/share\" COMMAND_ERROR_IS_FATAL ANY)")
