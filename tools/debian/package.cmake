# What an installation has beside the programs and the client library, and the .deb packages:
#
#   ectledger                  server, ectl, ectbench, service unit, documents
#   libectledger-client0       the shared client library
#   libectledger-client-dev    headers, pkg-config file, CMake package, example
#
#     cmake -B build-deb -DCMAKE_INSTALL_PREFIX=/usr -DECT_TESTS=OFF && cmake --build build-deb && (cd build-deb && cpack -G DEB)
include(GNUInstallDirs)
set(here ${CMAKE_CURRENT_LIST_DIR})
set(lib ${CMAKE_INSTALL_FULL_LIBEXECDIR}/ectledger) # in the unit

configure_file(${here}/ectledgerd.service.in ${CMAKE_BINARY_DIR}/debian/ectledgerd.service @ONLY)
configure_file(${here}/prepare.in ${CMAKE_BINARY_DIR}/debian/prepare @ONLY)
file(WRITE ${CMAKE_BINARY_DIR}/debian/conffiles "${CMAKE_INSTALL_FULL_SYSCONFDIR}/default/ectledger\n")
foreach(script postinst prerm postrm)
	configure_file(${here}/${script} ${CMAKE_BINARY_DIR}/debian/${script}
		FILE_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE COPYONLY)
endforeach()

# Units below /usr/local are found by systemd too.
install(FILES ${CMAKE_BINARY_DIR}/debian/ectledgerd.service DESTINATION lib/systemd/system)
install(PROGRAMS ${CMAKE_BINARY_DIR}/debian/prepare DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/ectledger)
install(FILES ${here}/ectledger.sysusers DESTINATION lib/sysusers.d RENAME ectledger.conf)
install(FILES ${here}/ectledger.default DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/default RENAME ectledger)
file(GLOB documents CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/docs/*.md)
install(FILES ${documents} ${CMAKE_SOURCE_DIR}/README.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/ectledger)
foreach(component ectledger libectledger-client libectledger-client-dev)
	string(REGEX REPLACE "client$" "client${PROJECT_VERSION_MAJOR}" name ${component})
	install(FILES ${here}/copyright DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${name} COMPONENT ${component})
endforeach()

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR ectledger)
set(CPACK_PACKAGE_CONTACT "The ectledger authors <maintainers@ectledger.invalid>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_STRIP_FILES ON)
# Prefix and files outside of it as they were configured: the unit names the programs' full paths.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_COMPONENTS_ALL ectledger libectledger-client libectledger-client-dev)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY "=")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_COMPONENT_ECTLEDGER_DESCRIPTION "append-only audit ledger for Execution Context Tokens
Takes signed records of what agents did, checks each one, and keeps them in a
Merkle log that nobody, its operator included, can rewrite unnoticed.
.
The server ectledgerd, the tool ectl and the load generator ectbench.")
set(CPACK_DEBIAN_ECTLEDGER_PACKAGE_NAME ectledger)
set(CPACK_DEBIAN_ECTLEDGER_PACKAGE_SECTION database)
set(CPACK_DEBIAN_ECTLEDGER_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_ECTLEDGER_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/debian/postinst ${CMAKE_BINARY_DIR}/debian/prerm
	${CMAKE_BINARY_DIR}/debian/postrm ${CMAKE_BINARY_DIR}/debian/conffiles)

set(name CPACK_DEBIAN_LIBECTLEDGER-CLIENT)
set(CPACK_COMPONENT_LIBECTLEDGER-CLIENT_DESCRIPTION "client library for ectledger
Appends tokens, looks up, and verifies receipts offline.")
set(${name}_PACKAGE_NAME libectledger-client${PROJECT_VERSION_MAJOR})
set(${name}_PACKAGE_SECTION libs)

set(CPACK_COMPONENT_LIBECTLEDGER-CLIENT-DEV_DESCRIPTION "client library for ectledger: development files
Headers, pkg-config file, CMake package, and an example.")
set(${name}-DEV_PACKAGE_NAME libectledger-client-dev)
set(${name}-DEV_PACKAGE_SECTION libdevel)
set(${name}-DEV_PACKAGE_SHLIBDEPS OFF)
set(${name}-DEV_PACKAGE_DEPENDS
	"libectledger-client${PROJECT_VERSION_MAJOR} (= ${PROJECT_VERSION}-1), libprotobuf-c-dev")
include(CPack)
