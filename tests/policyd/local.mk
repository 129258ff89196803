check_PROGRAMS += tests/policyd/policyd_test
TESTS += tests/policyd/policyd_test
# One a line, for many hands.
tests_policyd_policyd_test_SOURCES = \
  tests/policyd/admission_test.cc \
  tests/policyd/checks_test.cc \
  tests/policyd/bdb_store_test.cc tests/support/temporary_folder.h \
  tests/policyd/counters_test.cc \
  tests/policyd/engine_test.cc \
  tests/policyd/held_sessions_test.cc \
  tests/policyd/hell_test.cc \
  tests/policyd/host_names_test.cc \
  tests/policyd/memory_store_test.cc \
  tests/policyd/null_senders_test.cc \
  tests/policyd/overload_test.cc \
  tests/policyd/penalty_box_test.cc \
  tests/policyd/replies_test.cc \
  tests/policyd/reverse_questions_test.cc \
  tests/policyd/rulings_test.cc \
  tests/policyd/sender_history_test.cc \
  tests/policyd/session_table_test.cc \
  tests/policyd/store_clock_test.cc \
  $(POLICYD_PARTS)
tests_policyd_policyd_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_policyd_policyd_test_LDADD = $(UNIT_LIBS) lib/libbdb-wrap.a lib/libconfig.a lib/libipc.a lib/libevent-wrap.a lib/libbase.a \
  $(BDB_LIBS) $(LIBEVENT_LIBS) $(CPPUNIT_LIBS)

# How the store carries a load, and a disk that fails; run by `make faults`.
store_parts = policyd/bdb_store.cc policyd/memory_store.cc policyd/store_files.cc policyd/store_upkeep.cc
check_PROGRAMS += tests/policyd/store_load tests/policyd/store_writer
tests_policyd_store_load_SOURCES = tests/policyd/store_load.cc $(store_parts)
tests_policyd_store_load_LDADD = lib/libbdb-wrap.a lib/libbase.a $(BDB_LIBS)
tests_policyd_store_writer_SOURCES = tests/policyd/store_writer.cc $(store_parts)
tests_policyd_store_writer_LDADD = lib/libbdb-wrap.a lib/libbase.a $(BDB_LIBS)
