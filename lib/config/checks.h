// What no single row of the settings table can tell: values that contradict each other, and what is legal but dangerous.
#pragma once

#include "config/configuration.h"
#include "config/findings.h"

namespace caronte::config {

// `configuration` is complete, each value in its own range.
void check_configuration(const Configuration& configuration, Findings& findings);

}  // namespace caronte::config
