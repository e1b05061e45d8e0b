meshd_unit_test(channel
  SOURCES channel/assembler_test.cpp channel/channel_test.cpp channel/frame_reader_test.cpp channel/messages_test.cpp
          channel/split_test.cpp channel/utf8_test.cpp
  LIBRARIES meshd_channel)
