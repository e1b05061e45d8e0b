meshd_unit_test(registry
  SOURCES registry/catalog_test.cpp registry/file_source_directory_test.cpp registry/file_source_test.cpp registry/guard_test.cpp
          registry/intake_test.cpp registry/merger_test.cpp registry/queries_test.cpp registry/settings_overlay_test.cpp
  LIBRARIES meshd_registry)
