lib_libconfig_a_SOURCES = lib/config/client_class.cc lib/config/client_class.h lib/config/configuration.cc \
  lib/config/configuration.h lib/config/mapped_list.cc lib/config/mapped_list.h \
  lib/config/sealed_memory.cc lib/config/sealed_memory.h
# Only config-reader links these.
lib_libconfig_read_a_SOURCES =
