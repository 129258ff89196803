caronteexec_PROGRAMS += dnsd/dnsd
# The parts that the unit tests link too.
DNSD_PARTS = dnsd/answer_parser.cc dnsd/answer_parser.h dnsd/dns_asker.h dnsd/name_lookup.cc dnsd/name_lookup.h \
  dnsd/resolver_health.h dnsd/reverse_lookup.cc dnsd/reverse_lookup.h
dnsd_dnsd_SOURCES = dnsd/main.cc dnsd/dnsd.cc dnsd/dnsd.h dnsd/sandbox.cc dnsd/sandbox.h $(DNSD_PARTS)
dnsd_dnsd_LDADD = lib/libunbound-wrap.a $(WORKER_LIBS) $(UNBOUND_LIBS)
