// A path of MAIL or RCPT: its parts make it up, it reads the same again, and no part of it is a whole one.
#include "smtpd-proxy/path_parser.h"

#include "base/quoting.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

void run_path(std::string_view bytes) {
  using namespace smtpd_proxy;
  Input input(bytes);
  const unsigned bits = input.octet();
  const bool may_be_null = (bits & 1U) != 0;
  const bool smtputf8 = (bits & 2U) != 0;
  const Exact exact(input.rest());
  const std::string_view text = exact.view();
  Path path;
  const std::size_t size = parse_path(text, may_be_null, smtputf8, path);
  if (size == 0) {
    CARONTE_EXPECT(path.text.empty() && path.local_part.empty() && path.domain.empty());
    return;
  }
  CARONTE_EXPECT(size <= text.size() && size < kMaxPathBytes && text[size - 1] == '>');
  CARONTE_EXPECT(base::is_safe_line(text.substr(0, size)) && (path.is_ascii || smtputf8));
  CARONTE_EXPECT(path.domain.size() <= kMaxDomainBytes && path.local_part.size() <= kMaxLocalPartBytes);
  CARONTE_EXPECT(path.text.data() == nullptr || path.text.data() + path.text.size() == text.data() + size - 1);
  if (path.domain.empty()) {
    CARONTE_EXPECT(path.text == path.local_part && (!path.text.empty() || (may_be_null && size == 1)));
  } else {
    CARONTE_EXPECT(path.text == std::string(path.local_part) + "@" + std::string(path.domain));
  }
  Path again;
  const std::string alone = std::string(path.text) + ">";
  CARONTE_EXPECT(parse_path(alone, may_be_null, smtputf8, again) == alone.size());
  CARONTE_EXPECT(again.local_part == path.local_part && again.domain == path.domain && !again.has_source_route);
  Path none;
  for (std::size_t part = 0; part < size; ++part) {
    CARONTE_EXPECT(parse_path(text.substr(0, part), may_be_null, smtputf8, none) == 0);
  }
}

}  // namespace caronte::fuzz
