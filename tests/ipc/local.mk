check_PROGRAMS += tests/ipc/ipc_test
TESTS += tests/ipc/ipc_test
tests_ipc_ipc_test_SOURCES = tests/ipc/channel_test.cc tests/ipc/codec_test.cc tests/ipc/log_format_test.cc tests/ipc/schema_test.cc tests/ipc/sample_values.h
tests_ipc_ipc_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_ipc_ipc_test_LDADD = $(UNIT_LIBS) lib/libipc.a lib/libevent-wrap.a lib/libbase.a $(LIBEVENT_LIBS) $(CPPUNIT_LIBS)
