# The workers' policies, for the unit test and for `make update-golden`.
caronte_policy_sources = smtpd-proxy/sandbox.cc smtpd-proxy/sandbox.h policyd/sandbox.cc policyd/sandbox.h dnsd/sandbox.cc \
  dnsd/sandbox.h logd/sandbox.cc logd/sandbox.h master/config_reader_sandbox.cc master/config_reader.h tests/sandbox/policies.h
caronte_golden_files = tests/sandbox/smtpd-proxy.golden tests/sandbox/policyd.golden tests/sandbox/dnsd.golden \
  tests/sandbox/logd.golden tests/sandbox/config-reader.golden tests/sandbox/caronted.golden
EXTRA_DIST += $(caronte_golden_files)

check_PROGRAMS += tests/sandbox/sandbox_test
TESTS += tests/sandbox/sandbox_test
tests_sandbox_sandbox_test_SOURCES = tests/sandbox/policy_test.cc tests/sandbox/sandbox_test.cc $(caronte_policy_sources)
tests_sandbox_sandbox_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_sandbox_sandbox_test_CPPFLAGS = $(AM_CPPFLAGS) -DCARONTE_GOLDEN_FOLDER='"$(abs_top_srcdir)/tests/sandbox"'
tests_sandbox_sandbox_test_LDADD = $(UNIT_LIBS) lib/libsandbox.a lib/libbase.a $(SECCOMP_LIBS) $(CPPUNIT_LIBS)

# The proof, with the real workers: needs root, skips itself otherwise.
check_PROGRAMS += tests/sandbox/hostile_test
TESTS += tests/sandbox/hostile_test
tests_sandbox_hostile_test_SOURCES = tests/sandbox/hostile_test.cc tests/sandbox/acts.cc tests/sandbox/acts.h \
  tests/sandbox/hostile_frames.cc tests/sandbox/hostile_frames.h tests/sandbox/injector.cc tests/sandbox/injector.h \
  tests/sandbox/live_status.cc tests/sandbox/live_status.h tests/sandbox/subject.cc tests/sandbox/subject.h \
  tests/sandbox/tally.h
tests_sandbox_hostile_test_LDADD = $(WORKER_LIBS)

TESTS += tests/sandbox/libraries_test.sh
EXTRA_DIST += tests/sandbox/libraries_test.sh

# After a change of a policy that is meant: the diff of these files is what a reviewer reads.
EXTRA_PROGRAMS += tests/sandbox/describe_policies
tests_sandbox_describe_policies_SOURCES = tests/sandbox/describe_policies.cc $(caronte_policy_sources)
tests_sandbox_describe_policies_LDADD = lib/libsandbox.a lib/libbase.a $(SECCOMP_LIBS)
CLEANFILES += tests/sandbox/describe_policies
update-golden: tests/sandbox/describe_policies
	tests/sandbox/describe_policies $(srcdir)/tests/sandbox
