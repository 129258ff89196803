// RCPT commands before the relay guard: whatever passes for a stranger is plainly an address of ours, and cannot be read as
// anybody else's.
#include "smtpd-proxy/relay_guard.h"

#include "smtpd-proxy/command_parser.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/local_address.h"

namespace caronte::fuzz {

void run_relay_guard(std::string_view bytes) {
  using namespace smtpd_proxy;
  static const DomainSet local({{"example.org", 1}, {"b.example", 2}});
  Input input(bytes);
  const bool smtputf8 = (input.octet() & 1U) != 0;
  while (!input.is_empty()) {
    const Exact line(input.until('\n'));
    const Command command = parse_command(line.view());
    RcptCommand rcpt;
    if (parse_rcpt(command.argument, {.dsn = true}, smtputf8, rcpt) != Syntax::ok) continue;
    CARONTE_EXPECT(guard(rcpt.recipient, true, false, local) == GuardAnswer::pass);
    CARONTE_EXPECT(guard(rcpt.recipient, false, true, local) == GuardAnswer::pass);
    if (guard(rcpt.recipient, false, false, local) != GuardAnswer::pass) continue;
    CARONTE_EXPECT(!rcpt.recipient.has_source_route && is_plainly_local(rcpt.recipient.text));
  }
}

}  // namespace caronte::fuzz
