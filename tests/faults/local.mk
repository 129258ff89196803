# Faults with a ledger: Python on the integration harness; needs no unit test library.
EXTRA_DIST += tests/faults/README.md tests/faults/run tests/faults/bed.py tests/faults/catalogue.py tests/faults/checker.py \
  tests/faults/client_faults.py tests/faults/destination_faults.py tests/faults/forgeries.py tests/faults/ledger.py \
  tests/faults/operation_faults.py tests/faults/process_faults.py tests/faults/relay.py

.PHONY: faults
faults: all
	CARONTE_BUILD=. $(srcdir)/tests/faults/run -r
