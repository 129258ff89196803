# Fuzz targets: `replay` runs their corpora under any compiler and belongs to the tests; `fuzz` is libFuzzer's and is built by
# tests/fuzz/run (make fuzz), in a build folder of its own.
CLEANFILES += tests/fuzz/libtargets.a
EXTRA_LIBRARIES += tests/fuzz/libtargets.a
tests_fuzz_libtargets_a_SOURCES = tests/fuzz/address.cc tests/fuzz/channel.cc tests/fuzz/command.cc tests/fuzz/configuration.cc tests/fuzz/data.cc tests/fuzz/data_readers.h tests/fuzz/local_address.h \
  tests/fuzz/dns_answer.cc tests/fuzz/frames.h tests/fuzz/fuzz.h tests/fuzz/list.cc tests/fuzz/log_file.cc \
  tests/fuzz/log_record.cc tests/fuzz/names.cc tests/fuzz/path.cc tests/fuzz/policyd.cc tests/fuzz/proxy_header.cc tests/fuzz/quoting.cc \
  tests/fuzz/relay_guard.cc tests/fuzz/reply.cc tests/fuzz/session.cc tests/fuzz/targets.cc tests/fuzz/value.cc tests/fuzz/xml.cc \
  carontectl/list_text.cc carontectl/log_filter.cc carontectl/log_printer.cc carontectl/log_reader.cc dnsd/answer_parser.cc logd/log_scanner.cc \
  logd/record_writer.cc logd/sender.cc policyd/policyd.cc $(POLICYD_PARTS) smtpd-proxy/destination.cc smtpd-proxy/probe.cc \
  smtpd-proxy/proxy.cc smtpd-proxy/session.cc smtpd-proxy/session_commands.cc smtpd-proxy/session_destination.cc smtpd-proxy/session_policy.cc \
  smtpd-proxy/session_recipients.cc smtpd-proxy/session_replies.cc
FUZZ_LIBS = tests/fuzz/libtargets.a smtpd-proxy/libsmtpd-parts.a lib/libconfig-read.a lib/libxml-wrap.a lib/libbdb-wrap.a \
  $(WORKER_LIBS) $(TINYXML2_LIBS) $(BDB_LIBS)

check_PROGRAMS += tests/fuzz/replay
TESTS += tests/fuzz/replay
tests_fuzz_replay_SOURCES = tests/fuzz/replay.cc
tests_fuzz_replay_CPPFLAGS = $(AM_CPPFLAGS) -DCARONTE_FUZZ_SOURCES='"$(abs_top_srcdir)/tests/fuzz"'
tests_fuzz_replay_LDADD = $(FUZZ_LIBS)

EXTRA_PROGRAMS += tests/fuzz/fuzz
tests_fuzz_fuzz_SOURCES = tests/fuzz/engine.cc
tests_fuzz_fuzz_LDFLAGS = $(AM_LDFLAGS) -fsanitize=fuzzer
tests_fuzz_fuzz_LDADD = $(FUZZ_LIBS)

EXTRA_DIST += tests/fuzz/README.md tests/fuzz/RESULTS.md tests/fuzz/run tests/fuzz/corpus tests/fuzz/dictionaries tests/fuzz/regress

.PHONY: fuzz
fuzz:
	$(srcdir)/tests/fuzz/run
