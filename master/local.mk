# What is made of the configuration file: config-reader and master's side of it. A program that links this is one that
# config-reader may be re-executed from.
noinst_LIBRARIES += master/libmaster-config.a
master_libmaster_config_a_SOURCES = master/config_loader.cc master/config_loader.h master/config_reader.cc \
  master/config_reader.h master/config_reader_sandbox.cc
MASTER_CONFIG_LIBS = master/libmaster-config.a lib/libconfig-read.a lib/libxml-wrap.a lib/libsandbox.a lib/libconfig.a \
  lib/libipc.a lib/libevent-wrap.a lib/libbase.a $(TINYXML2_LIBS) $(SECCOMP_LIBS) $(LIBEVENT_LIBS)
