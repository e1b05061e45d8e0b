meshd_unit_test(exporters
  SOURCES exporters/exporter_test.cpp exporters/flow_export_test.cpp exporters/otlp_record_test.cpp exporters/record_queue_test.cpp
          exporters/rotating_file_test.cpp
  LIBRARIES meshd_exporters)
