include tests/support/sink/local.mk

# Integration tests (tests/integration/run) are Python; automake distributes the folder as a whole.
EXTRA_DIST += tests/integration
include tests/fuzz/local.mk
include tests/faults/local.mk
# Unit tests: one CppUnit program a folder; each tests/<folder>/local.mk adds to check_PROGRAMS and TESTS.
UNIT_LIBS = tests/support/libsupport.a
UNIT_CXXFLAGS = $(AM_CXXFLAGS) $(CPPUNIT_CFLAGS)
if HAVE_CPPUNIT
noinst_LIBRARIES += tests/support/libsupport.a
tests_support_libsupport_a_SOURCES = tests/support/unit_main.cc
tests_support_libsupport_a_CXXFLAGS = $(UNIT_CXXFLAGS)
check_PROGRAMS += tests/support/sink/sink_test
TESTS += tests/support/sink/sink_test
tests_support_sink_sink_test_SOURCES = tests/support/sink/sink_test.cc $(caronte_sink_parts)
tests_support_sink_sink_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_support_sink_sink_test_LDADD = $(UNIT_LIBS) lib/libbase.a $(CPPUNIT_LIBS)
include tests/base/local.mk
include tests/ipc/local.mk
include tests/config/local.mk
include tests/sandbox/local.mk
include tests/worker/local.mk
include tests/smtpd-proxy/local.mk
include tests/policyd/local.mk
include tests/dnsd/local.mk
include tests/logd/local.mk
include tests/carontectl/local.mk
include tests/master/local.mk
endif
