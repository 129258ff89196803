# caronte-sink: the SMTP server of quickstart and of the tests; built with everything else, never installed.
noinst_PROGRAMS += tests/support/sink/caronte-sink
caronte_sink_parts = tests/support/sink/data_decoder.cc tests/support/sink/data_decoder.h tests/support/sink/folder.cc \
  tests/support/sink/folder.h tests/support/sink/options.cc tests/support/sink/options.h tests/support/sink/protocol.cc \
  tests/support/sink/protocol.h
tests_support_sink_caronte_sink_SOURCES = tests/support/sink/main.cc tests/support/sink/server.cc tests/support/sink/server.h \
  $(caronte_sink_parts)
tests_support_sink_caronte_sink_LDADD = lib/libevent-wrap.a lib/libbase.a $(LIBEVENT_LIBS)
