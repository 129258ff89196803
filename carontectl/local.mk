carontectl_parts = carontectl/control_client.cc carontectl/control_client.h \
  carontectl/hell_command.cc carontectl/hell_command.h carontectl/hell_text.cc carontectl/hell_text.h carontectl/list_command.cc carontectl/list_command.h carontectl/list_file.cc carontectl/list_file.h \
  carontectl/list_text.cc carontectl/list_text.h carontectl/log_command.cc carontectl/log_command.h \
  carontectl/log_filter.cc carontectl/log_filter.h carontectl/log_printer.cc carontectl/log_printer.h \
  carontectl/log_reader.cc carontectl/log_reader.h carontectl/settings.cc carontectl/settings.h carontectl/status.cc \
  carontectl/status.h
carontectl_libs = lib/libconfig-read.a lib/libconfig.a lib/libxml-wrap.a lib/libipc.a lib/libevent-wrap.a lib/libbase.a $(TINYXML2_LIBS) $(LIBEVENT_LIBS)

bin_PROGRAMS += carontectl/carontectl
carontectl_carontectl_SOURCES = carontectl/main.cc $(carontectl_parts)
carontectl_carontectl_LDADD = $(carontectl_libs)
