// What /proc says of a worker that serves: user, groups, capabilities, filter, limits, root, memory, descriptors.
#pragma once

#include "tests/sandbox/subject.h"
#include "tests/sandbox/tally.h"

namespace caronte::tests {

void check_live_status(Tally& tally, const Subject& subject);

}  // namespace caronte::tests
