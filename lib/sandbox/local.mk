lib_libsandbox_a_SOURCES = lib/sandbox/landlock.cc lib/sandbox/landlock.h lib/sandbox/master_filter.cc lib/sandbox/presets.cc \
  lib/sandbox/privileges.cc lib/sandbox/privileges.h lib/sandbox/sandbox.cc lib/sandbox/sandbox.h lib/wrap/seccomp.cc \
  lib/wrap/seccomp.h
lib_libsandbox_a_CXXFLAGS = $(AM_CXXFLAGS) $(SECCOMP_CFLAGS)
