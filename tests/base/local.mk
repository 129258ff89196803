check_PROGRAMS += tests/base/base_test
TESTS += tests/base/base_test
tests_base_base_test_SOURCES = tests/base/address_parser_test.cc tests/base/address_test.cc tests/base/bytes_test.cc \
  tests/base/clock_test.cc tests/base/prefix_tree_test.cc tests/base/quoting_test.cc tests/base/time_parser_test.cc
tests_base_base_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_base_base_test_LDADD = $(UNIT_LIBS) lib/libbase.a $(CPPUNIT_LIBS)
