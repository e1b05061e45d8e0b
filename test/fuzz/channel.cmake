add_executable(fuzz_channel ${CMAKE_CURRENT_LIST_DIR}/channel_fuzz.cpp)
target_link_libraries(fuzz_channel PRIVATE meshd_channel)
target_link_options(fuzz_channel PRIVATE -fsanitize=fuzzer)
