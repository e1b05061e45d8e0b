meshd_unit_test(registry
  SOURCES registry/catalog_test.cpp registry/file_source_directory_test.cpp registry/file_source_test.cpp
  LIBRARIES meshd_registry)
