#include "smtpd-proxy/trace_header.h"

#include <algorithm>
#include <array>

#include "smtpd-proxy/ascii.h"

namespace caronte::smtpd_proxy {

namespace {

constexpr std::size_t kMaxNameBytes = 255;
constexpr std::array<std::string_view, static_cast<std::size_t>(Protocol::kCount)> kProtocols{"SMTP", "ESMTP", "UTF8SMTP"};

// A name that cannot end its place in the field.
std::string name_of(std::string_view text, std::string_view if_empty) {
  std::string name(text.empty() ? if_empty : text.substr(0, kMaxNameBytes));
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return !is_letter(c) && !is_digit(c) && std::string_view(".-_:[]").find(c) == std::string_view::npos; }, '?');
  return name;
}

}  // namespace

std::string compose_received(const Trace& trace) {
  std::string field = "Received: from " + name_of(trace.helo, "unknown");
  field += " (" + name_of(trace.verified_name, "unknown") + " [" + trace.client.literal() + "])\r\n";
  field += "\tby " + name_of(trace.server_name, "unknown") + " (Caronte) with ";
  field += kProtocols[static_cast<std::size_t>(trace.protocol)];
  field += " id " + reference_text(trace.session) + ";\r\n";
  field += "\t" + base::format_rfc5322(trace.time) + "\r\n";
  return field;
}

}  // namespace caronte::smtpd_proxy
