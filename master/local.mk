# What is made of the configuration file: config-reader and master's side of it. A program that links this is one that
# config-reader may be re-executed from.
noinst_LIBRARIES += master/libmaster-config.a
master_libmaster_config_a_SOURCES = master/config_loader.cc master/config_loader.h master/config_reader.cc \
  master/config_reader.h master/config_reader_sandbox.cc
MASTER_CONFIG_LIBS = master/libmaster-config.a lib/libconfig-read.a lib/libxml-wrap.a lib/libsandbox.a lib/libconfig.a \
  lib/libipc.a lib/libevent-wrap.a lib/libbase.a $(TINYXML2_LIBS) $(SECCOMP_LIBS) $(LIBEVENT_LIBS)

sbin_PROGRAMS += master/caronted
# What the tests link too.
noinst_LIBRARIES += master/libmaster.a
master_libmaster_a_SOURCES = master/connector.cc master/connector.h master/daemon.cc master/daemon.h master/generation.cc \
  master/generation.h master/launcher.cc master/launcher.h master/list_watch.cc master/list_watch.h master/listeners.cc \
  master/listeners.h master/master.cc master/master.h master/master_control.cc master/notify.cc master/notify.h \
  master/options.cc master/options.h master/privileges.cc master/privileges.h master/reloader.cc master/reloader.h \
  master/site.cc master/site.h master/slot_cover.cc master/slot_cover.h master/supervision.cc master/supervision.h \
  master/supervisor.cc master/supervisor.h master/worker_table.cc master/worker_table.h
MASTER_LIBS = master/libmaster.a lib/libworker.a $(MASTER_CONFIG_LIBS)
master_caronted_SOURCES = master/main.cc
master_caronted_LDADD = $(MASTER_LIBS)
