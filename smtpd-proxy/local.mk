# The parts that need neither socket nor loop: parsers, relay guard, composed texts.
noinst_LIBRARIES += smtpd-proxy/libsmtpd-parts.a
smtpd_proxy_libsmtpd_parts_a_SOURCES = smtpd-proxy/ascii.h smtpd-proxy/command_parser.cc smtpd-proxy/command_parser.h \
  smtpd-proxy/data_parser.cc smtpd-proxy/data_parser.h smtpd-proxy/path_parser.cc smtpd-proxy/path_parser.h
