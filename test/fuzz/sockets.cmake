meshd_fuzz_target(sockets SOURCES sockets_fuzz.cpp LIBRARIES meshd_sockets)
