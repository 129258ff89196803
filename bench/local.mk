# The benchmark's own load generator and sink; bench/run starts them beside the peers. Built by `make bench`.
EXTRA_PROGRAMS += bench/bench-load bench/bench-sink bench/bench-flood
bench_bench_load_SOURCES = bench/load.cc bench/loop.h
bench_bench_flood_SOURCES = bench/flood.cc bench/loop.h
bench_bench_sink_SOURCES = bench/sink.cc bench/loop.h
EXTRA_DIST += bench/README.md bench/haraka.json bench/RESULTS.md bench/peers.py bench/run
CLEANFILES += bench/bench-load bench/bench-sink bench/bench-flood

bench: all bench/bench-load$(EXEEXT) bench/bench-sink$(EXEEXT) bench/bench-flood$(EXEEXT)
	python3 $(srcdir)/bench/run --build $(abs_builddir) $(BENCH_OPTIONS)
