// A command line of the client: what is accepted goes on to the destination, so it must be safe and read the same there.
#include "smtpd-proxy/command_parser.h"

#include "base/quoting.h"
#include "smtpd-proxy/ascii.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

namespace {

using namespace smtpd_proxy;

bool is_clean(std::string_view text, bool utf8) {
  return base::is_safe_line(text) && (utf8 || std::all_of(text.begin(), text.end(), is_ascii));
}

void check_mail(std::string_view argument, const Offered& offered) {
  MailCommand mail;
  if (parse_mail(argument, offered, mail) != Syntax::ok) return;
  CARONTE_EXPECT(is_clean(mail.sender.text, mail.smtputf8) && is_clean(mail.ret, false) && is_clean(mail.envelope_id, false));
  CARONTE_EXPECT(is_clean(mail.auth, false));
  CARONTE_EXPECT((offered.size || !mail.size) && (offered.smtputf8 || !mail.smtputf8) && (offered.auth || mail.auth.empty()));
  CARONTE_EXPECT(offered.eight_bit_mime || mail.body == Body::unspecified);
  CARONTE_EXPECT(offered.dsn || (mail.ret.empty() && mail.envelope_id.empty()));
  // As it goes to the destination.
  std::string again = "FROM:<" + std::string(mail.sender.text) + ">";
  if (mail.size) again += " SIZE=" + std::to_string(*mail.size);
  if (mail.smtputf8) again += " SMTPUTF8";
  if (!mail.ret.empty()) again.append(" RET=").append(mail.ret);
  if (!mail.envelope_id.empty()) again.append(" ENVID=").append(mail.envelope_id);
  MailCommand second;
  CARONTE_EXPECT(parse_mail(again, offered, second) == Syntax::ok && second.sender.text == mail.sender.text);
  CARONTE_EXPECT(!second.sender.has_source_route && second.size == mail.size && second.envelope_id == mail.envelope_id);
}

void check_rcpt(std::string_view argument, const Offered& offered, bool smtputf8) {
  RcptCommand rcpt;
  if (parse_rcpt(argument, offered, smtputf8, rcpt) != Syntax::ok) return;
  CARONTE_EXPECT(!rcpt.recipient.text.empty() && is_clean(rcpt.recipient.text, smtputf8));
  CARONTE_EXPECT(is_clean(rcpt.notify, false) && is_clean(rcpt.original_recipient, smtputf8));
  CARONTE_EXPECT(offered.dsn || (rcpt.notify.empty() && rcpt.original_recipient.empty()));
  std::string again = "TO:<" + std::string(rcpt.recipient.text) + ">";
  if (!rcpt.notify.empty()) again.append(" NOTIFY=").append(rcpt.notify);
  if (!rcpt.original_recipient.empty()) again.append(" ORCPT=").append(rcpt.original_recipient);
  RcptCommand second;
  CARONTE_EXPECT(parse_rcpt(again, offered, smtputf8, second) == Syntax::ok && second.recipient.text == rcpt.recipient.text);
}

}  // namespace

void run_command(std::string_view bytes) {
  Input input(bytes);
  const unsigned bits = input.octet();
  const Offered offered{(bits & 1U) != 0, (bits & 2U) != 0, (bits & 4U) != 0, (bits & 8U) != 0, (bits & 16U) != 0};
  const Exact line(input.rest());
  const Command command = parse_command(line.view());
  CARONTE_EXPECT(command.argument.empty() || (!is_blank(command.argument.front()) && !is_blank(command.argument.back())));
  if (command.verb == Verb::mail) check_mail(command.argument, offered);
  if (command.verb == Verb::rcpt) check_rcpt(command.argument, offered, (bits & 32U) != 0);
  if (check_helo(command.argument) == Syntax::ok) {
    CARONTE_EXPECT(is_clean(command.argument, false) && command.argument.size() <= 255 && !command.argument.empty());
  }
}

}  // namespace caronte::fuzz
