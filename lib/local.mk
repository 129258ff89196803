# Convenience libraries, one a folder; a program links only those that it uses (in this order: worker sandbox config ipc
# event base).
noinst_LIBRARIES += lib/libbase.a lib/libevent-wrap.a lib/libipc.a lib/libconfig.a lib/libconfig-read.a lib/libxml-wrap.a \
  lib/libunbound-wrap.a lib/libbdb-wrap.a lib/libsandbox.a lib/libworker.a

lib_libbase_a_SOURCES = lib/base/address.cc lib/base/address.h lib/base/address_parser.cc lib/base/address_parser.h \
  lib/base/bytes.cc lib/base/bytes.h lib/base/clock.cc lib/base/clock.h lib/base/fd.h lib/base/prefix_tree.cc \
  lib/base/prefix_tree.h lib/base/quoting.cc lib/base/quoting.h lib/base/reference.cc lib/base/reference.h lib/base/result.cc lib/base/result.h lib/base/time_parser.cc \
  lib/base/time_parser.h

lib_libevent_wrap_a_SOURCES = lib/wrap/event.cc lib/wrap/event.h
lib_libxml_wrap_a_SOURCES = lib/wrap/xml.cc lib/wrap/xml.h lib/wrap/xml_strict_parser.cc \
  lib/wrap/xml_strict_parser.h
lib_libxml_wrap_a_CXXFLAGS = $(AM_CXXFLAGS) $(TINYXML2_CFLAGS)
lib_libbdb_wrap_a_SOURCES = lib/wrap/bdb.cc lib/wrap/bdb.h
lib_libunbound_wrap_a_SOURCES = lib/wrap/unbound.cc lib/wrap/unbound.h
lib_libunbound_wrap_a_CXXFLAGS = $(AM_CXXFLAGS) $(UNBOUND_CFLAGS)

lib_libipc_a_SOURCES = lib/ipc/channel.cc lib/ipc/channel.h lib/ipc/codec.h lib/ipc/log_format.cc lib/ipc/log_format.h lib/ipc/schema.cc lib/ipc/schema.h

include lib/config/local.mk
include lib/sandbox/local.mk

lib_libworker_a_SOURCES = lib/worker/black_box.cc lib/worker/black_box.h lib/worker/control_server.cc lib/worker/control_server.h \
  lib/worker/forbidden_call.cc lib/worker/forbidden_call.h lib/worker/log_client.cc lib/worker/log_client.h \
  lib/worker/worker.cc lib/worker/worker.h

# What every worker links, in order.
WORKER_LIBS = lib/libworker.a lib/libsandbox.a lib/libconfig.a lib/libipc.a lib/libevent-wrap.a lib/libbase.a \
  $(SECCOMP_LIBS) $(LIBEVENT_LIBS)
