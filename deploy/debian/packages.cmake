# Debian packages of what is installed: meshd (agent and worker), meshctl and meshd-doc. `scripts/package.sh` builds them.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME meshd)
set(CPACK_PACKAGE_VENDOR meshd)
set(CPACK_PACKAGE_CONTACT "meshd maintainers <maintainers@meshd.dev>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/before_packing.cmake)
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_LIST_DIR}/check_prefix.cmake)

set(CPACK_COMPONENTS_ALL meshd meshctl doc)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)

set(CPACK_DEBIAN_MESHD_PACKAGE_NAME meshd)
# Libraries are found by their binaries' needs. Users and directories are made by systemd's programs, which containers can have without systemd.
set(CPACK_DEBIAN_MESHD_PACKAGE_DEPENDS
  "systemd | systemd-standalone-sysusers | systemd-sysusers, systemd | systemd-standalone-tmpfiles | systemd-tmpfiles")
set(CPACK_DEBIAN_MESHD_PACKAGE_RECOMMENDS "meshctl, ca-certificates, uacme")
set(CPACK_DEBIAN_MESHD_PACKAGE_SUGGESTS "meshd-doc")
set(CPACK_DEBIAN_MESHD_PACKAGE_CONTROL_EXTRA
  "${CMAKE_CURRENT_LIST_DIR}/conffiles;${CMAKE_CURRENT_LIST_DIR}/postinst;${CMAKE_CURRENT_LIST_DIR}/prerm;${CMAKE_CURRENT_LIST_DIR}/postrm")
set(CPACK_COMPONENT_MESHD_DESCRIPTION "service mesh in the kernel, agent of a node
Connections to addresses of services, IPv4 or IPv6, TCP or UDP, are given
a backend by a BPF program when the socket connects. After that nothing
stands between application and backend. Services come from files, Consul,
Kubernetes, etcd and DNS.

This package has the agent, which loads the programs and keeps their maps,
and its worker without privilege, which follows the registries, probes
backends, encrypts and serves metrics.")

set(CPACK_DEBIAN_MESHCTL_PACKAGE_NAME meshctl)
set(CPACK_DEBIAN_MESHCTL_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_MESHCTL_PACKAGE_ENHANCES meshd)
set(CPACK_COMPONENT_MESHCTL_DESCRIPTION "command line of the service mesh meshd
Shows what the agent of this host does and why, checks files of services
before they are used, writes them to the store that all nodes follow, and
keeps a certificate authority for small sites.")

set(CPACK_DEBIAN_DOC_PACKAGE_NAME meshd-doc)
set(CPACK_DEBIAN_DOC_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DOC_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_DOC_PACKAGE_SECTION doc)
set(CPACK_COMPONENT_DOC_DESCRIPTION "documentation of the service mesh meshd
How to install, configure and look after it, what each setting, metric and
alert means, and how it works inside.")

# What before_packing.cmake needs to know.
set(CPACK_MESHD_COMMIT ${MESHD_COMMIT})
set(CPACK_MESHD_COPYRIGHT ${CMAKE_CURRENT_LIST_DIR}/copyright)
set(CPACK_MESHD_SOURCE ${PROJECT_SOURCE_DIR})
set(CPACK_MESHD_PREFIX ${CMAKE_INSTALL_PREFIX})
include(CPack)
