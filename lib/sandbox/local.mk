lib_libsandbox_a_SOURCES = lib/sandbox/sandbox.cc lib/sandbox/sandbox.h lib/wrap/seccomp.cc lib/wrap/seccomp.h
lib_libsandbox_a_CXXFLAGS = $(AM_CXXFLAGS) $(SECCOMP_CFLAGS)
