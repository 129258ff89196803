// The name servers of resolv.conf(5). Pure.
#pragma once

#include <string_view>
#include <vector>

#include "base/address.h"

namespace caronte::config {

// In their order, each once, at most eight, port 53. What is no usable address (link-local ones with a zone too) is passed
// over: the file is another program's.
[[nodiscard]] std::vector<base::Endpoint> parse_resolv_conf(std::string_view text);

}  // namespace caronte::config
