check_PROGRAMS += tests/master/master_test tests/master/odd_worker tests/master/config_reader_alone tests/master/config_reader_hostile
TESTS += tests/master/master_test
tests_master_master_test_SOURCES = tests/master/config_loader_test.cc tests/master/connector_test.cc \
  tests/master/list_watch_test.cc tests/master/site_test.cc tests/master/slot_cover_test.cc tests/master/supervision_test.cc \
  tests/master/worker_table_test.cc
tests_master_master_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_master_master_test_LDADD = $(UNIT_LIBS) $(MASTER_LIBS) $(CPPUNIT_LIBS)
# Re-executed by the test: config-reader as it is, and one that has been taken over.
tests_master_config_reader_alone_SOURCES = tests/master/config_reader_alone.cc
tests_master_config_reader_alone_LDADD = $(MASTER_CONFIG_LIBS)
tests_master_config_reader_hostile_SOURCES = tests/master/config_reader_hostile.cc
tests_master_config_reader_hostile_LDADD = $(MASTER_CONFIG_LIBS)
# Takes a worker's place in tests/integration (odd_programs.py).
tests_master_odd_worker_SOURCES = tests/master/odd_worker.cc
tests_master_odd_worker_LDADD = $(WORKER_LIBS)
