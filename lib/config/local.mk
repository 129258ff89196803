lib_libconfig_a_SOURCES = lib/config/client_class.cc lib/config/client_class.h lib/config/configuration.cc \
  lib/config/configuration.h lib/config/local_domains.cc lib/config/local_domains.h lib/config/mapped_list.cc lib/config/mapped_list.h \
  lib/config/name_list.cc lib/config/name_list.h lib/config/sealed_memory.cc lib/config/sealed_memory.h \
  lib/config/settings.cc lib/config/settings.h
# Only config-reader links these.
lib_libconfig_read_a_SOURCES = lib/config/checks.cc lib/config/checks.h lib/config/findings.h lib/config/list_parser.cc \
  lib/config/list_parser.h lib/config/reader.cc lib/config/reader.h lib/config/recipients_parser.cc lib/config/recipients_parser.h lib/config/resolv_conf_parser.cc \
  lib/config/resolv_conf_parser.h lib/config/setting_values.cc \
  lib/config/value_parser.cc lib/config/value_parser.h
