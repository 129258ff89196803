check_PROGRAMS += tests/config/config_test tests/config/print_settings_manual
TESTS += tests/config/config_test
CONFIG_TEST_LIBS = lib/libconfig-read.a lib/libconfig.a lib/libipc.a lib/libevent-wrap.a lib/libxml-wrap.a lib/libbase.a \
  $(LIBEVENT_LIBS) $(TINYXML2_LIBS)
tests_config_config_test_SOURCES = tests/config/client_class_test.cc tests/config/configuration_test.cc \
  tests/config/documents_test.cc tests/config/list_parser_test.cc tests/config/mapped_list_test.cc tests/config/name_list_test.cc tests/config/reader_test.cc \
  tests/config/reading.h tests/config/recipients_parser_test.cc tests/config/resolv_conf_parser_test.cc tests/config/settings_manual.cc \
  tests/config/settings_manual.h tests/config/settings_test.cc tests/config/value_parser_test.cc tests/config/xml_strict_parser_test.cc tests/config/xml_test.cc
# The sample and the manual page are read from the sources.
tests_config_config_test_CXXFLAGS = $(UNIT_CXXFLAGS) -DCARONTE_TEST_SOURCES='"$(abs_top_srcdir)"'
tests_config_config_test_LDADD = $(UNIT_LIBS) $(CONFIG_TEST_LIBS) $(CPPUNIT_LIBS)
tests_config_print_settings_manual_SOURCES = tests/config/print_settings_manual.cc tests/config/settings_manual.cc \
  tests/config/settings_manual.h
tests_config_print_settings_manual_LDADD = $(CONFIG_TEST_LIBS)
