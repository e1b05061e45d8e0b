meshd_fuzz_target(channel SOURCES channel_fuzz.cpp LIBRARIES meshd_channel)
