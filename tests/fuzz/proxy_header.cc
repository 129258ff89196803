// A PROXY header: taken or refused alike however it arrives, and its addresses are what they say.
#include "smtpd-proxy/proxy_header_parser.h"

#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

void run_proxy_header(std::string_view bytes) {
  using namespace smtpd_proxy;
  Input input(bytes);
  const std::size_t first_cut = input.octet();
  const std::size_t second_cut = input.octet();
  const Exact exact(input.rest());
  const std::string_view all = exact.view();
  const ProxyHeader whole = parse_proxy_header(all);
  const bool is_taken = whole.kind == ProxyHeaderKind::client || whole.kind == ProxyHeaderKind::no_client;
  if (is_taken) CARONTE_EXPECT(whole.size > 0 && whole.size <= all.size() && whole.size <= kMaxProxyHeaderBytes);
  if (whole.kind == ProxyHeaderKind::need_more) CARONTE_EXPECT(all.size() < kMaxProxyHeaderBytes);
  for (const std::size_t cut : {first_cut, second_cut, all.size() / 2}) {
    const ProxyHeader part = parse_proxy_header(Exact(all.substr(0, cut)).view());
    if (part.kind == ProxyHeaderKind::need_more) {
      CARONTE_EXPECT(!is_taken || whole.size > cut);
    } else {
      CARONTE_EXPECT(part.kind == whole.kind && part.size == whole.size);
    }
  }
  if (whole.kind != ProxyHeaderKind::client || !all.starts_with("PROXY")) return;
  const char* family = all[9] == '4' ? "TCP4" : "TCP6";
  CARONTE_EXPECT(family[3] == '6' || (whole.source.address.is_v4() && whole.destination.address.is_v4()));
  CARONTE_EXPECT(all.substr(0, whole.size)
                     .ends_with(" " + std::to_string(whole.source.port) + " " + std::to_string(whole.destination.port) + "\r\n"));
}

}  // namespace caronte::fuzz
