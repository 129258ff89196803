check_PROGRAMS += tests/worker/worker_test
TESTS += tests/worker/worker_test
tests_worker_worker_test_SOURCES = tests/worker/black_box_test.cc tests/worker/log_client_test.cc
tests_worker_worker_test_CXXFLAGS = $(UNIT_CXXFLAGS)
tests_worker_worker_test_LDADD = $(UNIT_LIBS) $(WORKER_LIBS) $(CPPUNIT_LIBS)
