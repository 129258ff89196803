// Records as people read them: one line a session with its messages beneath it. Whatever the file says, nothing but
// printable text reaches the terminal.
#pragma once

#include <string>

#include "wrap/xml.h"

namespace caronte::carontectl {

[[nodiscard]] std::string render_record(const wrap::XmlElement& record);

}  // namespace caronte::carontectl
