# The parts that the unit tests link too: parsers, relay guard, composed texts, the client side.
noinst_LIBRARIES += smtpd-proxy/libsmtpd-parts.a
smtpd_proxy_libsmtpd_parts_a_SOURCES = smtpd-proxy/ascii.h smtpd-proxy/capabilities.cc smtpd-proxy/capabilities.h \
  smtpd-proxy/command_parser.cc smtpd-proxy/command_parser.h smtpd-proxy/data_parser.cc smtpd-proxy/data_parser.h \
  smtpd-proxy/deadlines.h smtpd-proxy/destination.cc smtpd-proxy/destination.h \
  smtpd-proxy/path_parser.cc smtpd-proxy/path_parser.h smtpd-proxy/proxy_header_parser.cc smtpd-proxy/proxy_header_parser.h \
  smtpd-proxy/relay_guard.cc smtpd-proxy/relay_guard.h smtpd-proxy/replies.h smtpd-proxy/reply_parser.cc \
  smtpd-proxy/reply_parser.h smtpd-proxy/reply_text.h smtpd-proxy/session_record.cc smtpd-proxy/session_record.h smtpd-proxy/session_states.cc \
  smtpd-proxy/session_states.h smtpd-proxy/trace_header.cc smtpd-proxy/trace_header.h

caronteexec_PROGRAMS += smtpd-proxy/smtpd-proxy
smtpd_proxy_smtpd_proxy_SOURCES = smtpd-proxy/main.cc smtpd-proxy/probe.cc \
  smtpd-proxy/probe.h smtpd-proxy/proxy.cc smtpd-proxy/proxy.h smtpd-proxy/sandbox.cc smtpd-proxy/sandbox.h \
  smtpd-proxy/session.cc smtpd-proxy/session.h smtpd-proxy/session_commands.cc smtpd-proxy/session_destination.cc smtpd-proxy/session_policy.cc \
  smtpd-proxy/session_recipients.cc smtpd-proxy/session_replies.cc
smtpd_proxy_smtpd_proxy_LDADD = smtpd-proxy/libsmtpd-parts.a $(WORKER_LIBS)
