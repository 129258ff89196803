check_PROGRAMS += tests/logd/logd_test
TESTS += tests/logd/logd_test
tests_logd_logd_test_SOURCES = tests/logd/live_file_test.cc tests/logd/logd_process.cc tests/logd/logd_process.h \
  tests/logd/logd_process_test.cc tests/logd/record_writer_test.cc tests/logd/senders_test.cc tests/logd/syslog_test.cc \
  tests/support/temporary_folder.h $(logd_parts)
tests_logd_logd_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_logd_logd_test_CPPFLAGS = $(AM_CPPFLAGS) -DCARONTE_LOGD='"$(abs_top_builddir)/logd/logd"'
tests_logd_logd_test_LDADD = $(UNIT_LIBS) lib/libxml-wrap.a $(WORKER_LIBS) $(TINYXML2_LIBS) $(CPPUNIT_LIBS)
