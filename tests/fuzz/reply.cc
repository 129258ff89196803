// A reply of the destination, and what it offers if it answers EHLO: well-formed when taken, the same however it arrives.
#include "smtpd-proxy/reply_parser.h"

#include <algorithm>

#include "smtpd-proxy/capabilities.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

namespace {

using namespace smtpd_proxy;

void check_complete(const Reply& reply, const ReplyLimits& limits) {
  CARONTE_EXPECT(reply.code >= 200 && reply.code <= 599 && reply.bytes.size() == reply.size && reply.bytes.ends_with("\r\n"));
  std::size_t lines = 0;
  for (std::string_view rest = reply.bytes; !rest.empty(); ++lines) {
    const std::size_t size = rest.find("\r\n") + 2;
    const std::string_view line = rest.substr(0, size - 2);
    CARONTE_EXPECT(size <= limits.line_bytes && line.substr(0, 3) == std::to_string(reply.code));
    CARONTE_EXPECT(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
    CARONTE_EXPECT(line.size() == 3 || line[3] == (size == rest.size() ? ' ' : '-'));
    rest.remove_prefix(size);
  }
  CARONTE_EXPECT(lines <= limits.lines);
  std::string_view bytes = reply.bytes;
  std::string_view text;
  std::size_t taken = 0;
  while (next_line(bytes, text)) ++taken;
  CARONTE_EXPECT(taken == lines);
}

void check_capabilities(std::string_view ehlo_reply) {
  Capabilities has = parse_capabilities(ehlo_reply);
  CARONTE_EXPECT((has.size || has.size_limit == 0) && (has.eight_bit_mime || !has.smtputf8));
  CARONTE_EXPECT(common(has, has) == has && common(has, {}) == Capabilities{});
  const std::string ours = compose_ehlo_reply("mx.example.org", has, 0);
  const Reply reply = parse_reply(ours);
  CARONTE_EXPECT(reply.parsed == Parsed::complete && reply.size == ours.size() && reply.code == 250);
  has.pipelining = true;
  CARONTE_EXPECT(parse_capabilities(ours) == has);
}

}  // namespace

void run_reply(std::string_view bytes) {
  Input input(bytes);
  const ReplyLimits limits = (input.octet() & 1U) != 0 ? ReplyLimits{32, 3} : ReplyLimits{};
  const std::size_t first_cut = input.octet();
  const std::size_t second_cut = input.two_octets();
  const Exact exact(input.rest());
  const std::string_view all = exact.view();
  const Reply whole = parse_reply(all, limits);
  if (whole.parsed == Parsed::complete) {
    check_complete(whole, limits);
    check_capabilities(whole.bytes);
  }
  CARONTE_EXPECT((whole.parsed == Parsed::malformed) == !whole.why.empty());
  for (const std::size_t cut : {first_cut, second_cut, all.size() / 2}) {
    const Reply part = parse_reply(Exact(all.substr(0, cut)).view(), limits);
    if (part.parsed != Parsed::need_more) CARONTE_EXPECT(part.parsed == whole.parsed && part.size == whole.size);
    if (part.parsed == Parsed::need_more && whole.parsed == Parsed::complete) CARONTE_EXPECT(whole.size > cut);
  }
}

}  // namespace caronte::fuzz
