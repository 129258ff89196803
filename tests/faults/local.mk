# Faults with a ledger: Python on the integration harness; needs no unit test library.
EXTRA_DIST += tests/faults/README.md tests/faults/run tests/faults/bed.py tests/faults/catalogue.py tests/faults/checker.py \
  tests/faults/client_faults.py tests/faults/confines.py tests/faults/destination_faults.py tests/faults/forgeries.py \
  tests/faults/integration_faults.py tests/faults/kernel_faults.py tests/faults/ledger.py tests/faults/operation_faults.py \
  tests/faults/process_faults.py tests/faults/relay.py tests/faults/store_faults.py

# What some of them play with besides the programs themselves; the others say that it is missing.
if HAVE_CPPUNIT
FAULT_NEEDS = tests/master/odd_worker$(EXEEXT) tests/sandbox/hostile_test$(EXEEXT) tests/policyd/store_load$(EXEEXT) \
  tests/policyd/store_writer$(EXEEXT)
endif
.PHONY: faults
faults: all $(FAULT_NEEDS)
	CARONTE_BUILD=. $(srcdir)/tests/faults/run
