check_PROGRAMS += tests/carontectl/carontectl_test
TESTS += tests/carontectl/carontectl_test
tests_carontectl_carontectl_test_SOURCES = tests/carontectl/hell_text_test.cc tests/carontectl/list_file_test.cc \
  tests/carontectl/list_text_test.cc tests/carontectl/log_filter_test.cc tests/carontectl/log_reader_test.cc \
  tests/carontectl/status_test.cc $(carontectl_parts)
tests_carontectl_carontectl_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_carontectl_carontectl_test_LDADD = $(UNIT_LIBS) lib/libworker.a $(carontectl_libs) $(CPPUNIT_LIBS)
