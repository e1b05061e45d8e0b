# uacme's hook is the worker's program.
meshd_unit_test(acme
  SOURCES acme/challenge_test.cpp acme/challenges_test.cpp acme/client_output_test.cpp acme/issuer_test.cpp acme/memory_test.cpp acme/schedule_test.cpp
  LIBRARIES meshd_acme meshd_test_certificates)
target_compile_definitions(unit_acme PRIVATE MESHD_USERSPACE="$<TARGET_FILE:meshd-userspace>")
add_dependencies(unit_acme meshd-userspace)
