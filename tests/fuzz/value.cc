// Texts of settings, and times of the log: each value prints in a form that reads the same.
#include "config/value_parser.h"

#include "base/quoting.h"
#include "base/time_parser.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

void run_value(std::string_view bytes) {
  using namespace config;
  const Exact exact(bytes);
  const std::string_view text = exact.view();
  if (const auto duration = parse_duration(text)) CARONTE_EXPECT(parse_duration(format_duration(*duration)) == duration);
  if (const auto size = parse_size(text)) CARONTE_EXPECT(parse_size(format_size(*size)) == size);
  if (const auto domain = parse_domain(text)) CARONTE_EXPECT(parse_domain(*domain) == domain && base::is_safe_line(*domain));
  for (const char* code : {"5", "421"}) {
    if (is_reply(text, code)) CARONTE_EXPECT(text.starts_with(code) && text.size() > 4 && text[3] == ' ');
  }
  if (const auto ranges = parse_ranges(text, 4)) {
    CARONTE_EXPECT(ranges->size() <= 4);
    for (const Range& range : *ranges) CARONTE_EXPECT(range.contains(range.first) && range.contains(range.last));
  }
  if (const auto resolvers = parse_resolvers(text, 4)) {
    CARONTE_EXPECT(resolvers->size() <= 4);
    for (const base::Endpoint& resolver : *resolvers) CARONTE_EXPECT(resolver.port != 0);
  }
  if (const auto folder = parse_folder(text, "/etc/caronte")) {
    CARONTE_EXPECT(folder->starts_with('/') && folder->size() > 1 && parse_folder(*folder, "/x") == folder);
    CARONTE_EXPECT((*folder + "/").find("/../") == std::string::npos && folder->find("//") == std::string::npos);
  }
  if (is_path_beneath(text))
    CARONTE_EXPECT(!text.starts_with('/') && ("/" + std::string(text) + "/").find("/../") == std::string::npos);
  if (const auto time = base::parse_rfc3339(text)) CARONTE_EXPECT(base::parse_rfc3339(base::format_rfc3339(*time)) == time);
}

}  // namespace caronte::fuzz
