check_PROGRAMS += tests/config/config_test
TESTS += tests/config/config_test
tests_config_config_test_SOURCES = tests/config/client_class_test.cc tests/config/configuration_test.cc \
  tests/config/mapped_list_test.cc tests/config/xml_test.cc
tests_config_config_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_config_config_test_LDADD = $(UNIT_LIBS) lib/libconfig.a lib/libipc.a lib/libevent-wrap.a lib/libxml-wrap.a lib/libbase.a \
  $(LIBEVENT_LIBS) $(TINYXML2_LIBS) $(CPPUNIT_LIBS)
