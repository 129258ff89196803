check_PROGRAMS += tests/smtpd-proxy/smtpd-proxy_test
TESTS += tests/smtpd-proxy/smtpd-proxy_test
tests_smtpd_proxy_smtpd_proxy_test_SOURCES = tests/smtpd-proxy/capabilities_test.cc tests/smtpd-proxy/command_parser_test.cc \
  tests/smtpd-proxy/data_parser_test.cc tests/smtpd-proxy/deadlines_test.cc tests/smtpd-proxy/destination_test.cc tests/smtpd-proxy/path_parser_test.cc tests/smtpd-proxy/proxy_header_parser_test.cc \
  tests/smtpd-proxy/relay_guard_test.cc tests/smtpd-proxy/replies_test.cc tests/smtpd-proxy/reply_parser_test.cc \
  tests/smtpd-proxy/proxy_harness.h tests/smtpd-proxy/session_record_test.cc tests/smtpd-proxy/session_states_test.cc \
  tests/smtpd-proxy/session_test.cc tests/smtpd-proxy/trace_header_test.cc \
  smtpd-proxy/probe.cc smtpd-proxy/proxy.cc smtpd-proxy/session.cc smtpd-proxy/session_commands.cc \
  smtpd-proxy/session_destination.cc smtpd-proxy/session_policy.cc smtpd-proxy/session_recipients.cc smtpd-proxy/session_replies.cc
tests_smtpd_proxy_smtpd_proxy_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_smtpd_proxy_smtpd_proxy_test_LDADD = $(UNIT_LIBS) smtpd-proxy/libsmtpd-parts.a $(WORKER_LIBS) $(CPPUNIT_LIBS)
