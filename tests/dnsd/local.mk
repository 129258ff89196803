check_PROGRAMS += tests/dnsd/dnsd_test
TESTS += tests/dnsd/dnsd_test
tests_dnsd_dnsd_test_SOURCES = tests/dnsd/answer_parser_test.cc tests/dnsd/fake_resolver.h \
  tests/dnsd/name_lookup_test.cc tests/dnsd/resolver_health_test.cc \
  tests/dnsd/reverse_lookup_test.cc tests/dnsd/unbound_test.cc tests/dnsd/dns_packet.h $(DNSD_PARTS)
tests_dnsd_dnsd_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_dnsd_dnsd_test_LDADD = $(UNIT_LIBS) lib/libunbound-wrap.a lib/libipc.a lib/libevent-wrap.a lib/libbase.a $(UNBOUND_LIBS) \
  $(LIBEVENT_LIBS) $(CPPUNIT_LIBS)
