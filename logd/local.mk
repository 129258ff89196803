logd_parts = logd/live_file.cc logd/live_file.h logd/log_scanner.cc logd/log_scanner.h logd/record_writer.cc logd/record_writer.h \
  logd/sender.cc logd/sender.h logd/senders.cc logd/senders.h logd/syslog.cc logd/syslog.h

caronteexec_PROGRAMS += logd/logd
logd_logd_SOURCES = logd/main.cc logd/logd.cc logd/logd.h logd/sandbox.cc logd/sandbox.h $(logd_parts)
logd_logd_LDADD = lib/libxml-wrap.a $(WORKER_LIBS) $(TINYXML2_LIBS)
