// Frames that no worker of ours sends (fault F47): the receiver cuts the peer off, tells master whom to blame, and goes on.
#pragma once

#include "tests/sandbox/subject.h"
#include "tests/sandbox/tally.h"

namespace caronte::tests {

// On every channel that the worker has to another one.
void check_hostile_frames(Tally& tally, Subject& subject);

}  // namespace caronte::tests
