caronteexec_PROGRAMS += policyd/policyd
# The parts that the unit tests link too; one a line, for many hands.
POLICYD_PARTS = \
  policyd/admission.cc policyd/admission.h \
  policyd/bogus_replies.inc \
  policyd/check_rows.cc policyd/checks.h \
  policyd/checks_client.cc policyd/checks_envelope.cc policyd/checks_recipients.cc \
  policyd/bdb_store.cc policyd/bdb_store.h \
  policyd/connect_checks.cc policyd/connect_checks.h \
  policyd/counters.cc policyd/counters.h \
  policyd/engine.cc policyd/engine.h \
  policyd/fact_book.cc policyd/fact_book.h \
  policyd/facts.h \
  policyd/held_sessions.cc policyd/held_sessions.h \
  policyd/hell.cc policyd/hell.h \
  policyd/hell_control.cc policyd/hell_control.h \
  policyd/host_names.cc policyd/host_names.h \
  policyd/memory_store.cc policyd/memory_store.h \
  policyd/null_senders.cc policyd/null_senders.h \
  policyd/overload.cc policyd/overload.h \
  policyd/penalty_box.cc policyd/penalty_box.h \
  policyd/prefix_key.h \
  policyd/recent_map.h \
  policyd/replies.cc policyd/replies.h \
  policyd/reverse_questions.cc policyd/reverse_questions.h \
  policyd/rulings.cc policyd/rulings.h \
  policyd/sender_history.cc policyd/sender_history.h \
  policyd/session_table.cc policyd/session_table.h \
  policyd/store.h policyd/store_bounds.h \
  policyd/text.h \
  policyd/store_clock.cc policyd/store_clock.h \
  policyd/store_files.cc policyd/store_files.h \
  policyd/store_keeper.cc policyd/store_keeper.h \
  policyd/store_upkeep.cc policyd/store_upkeep.h
policyd_policyd_SOURCES = policyd/main.cc policyd/policyd.cc policyd/policyd.h policyd/sandbox.cc policyd/sandbox.h $(POLICYD_PARTS)
policyd_policyd_LDADD = lib/libbdb-wrap.a $(WORKER_LIBS) $(BDB_LIBS)
