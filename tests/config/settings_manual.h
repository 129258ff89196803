// The reference part of caronte.xml(5), made from the settings table.
#pragma once

#include <string>

namespace caronte::config {

// mdoc, from the first element to the last setting.
[[nodiscard]] std::string settings_manual();

}  // namespace caronte::config
