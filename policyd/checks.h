// The judges of the checks (engine.h): pure functions of the facts and the settings. One file of them a subject:
// checks_envelope.cc, checks_recipients.cc, checks_client.cc.
#pragma once

#include "policyd/engine.h"

namespace caronte::policyd {

// ---- checks_envelope.cc: what MAIL and RCPT say

// AG-2, Q23: MAIL FROM:<>. Value: 1.
[[nodiscard]] Finding judge_null_sender(const Facts& facts, const config::Configuration& configuration);
// AG-4, AX-22. Value: the first octet outside of the set; only ASCII is tested. The user part is what stands before the
// last '@', quotes included.
[[nodiscard]] Finding judge_sender_characters(const Facts& facts, const config::Configuration& configuration);
[[nodiscard]] Finding judge_recipient_characters(const Facts& facts, const config::Configuration& configuration);
[[nodiscard]] Finding judge_helo_characters(const Facts& facts, const config::Configuration& configuration);
// IW-2, IW-4 (H in the manual): the sender's domain is local; who is authorised is exempt by class. The null sender is
// never local (Q26). Value: 1.
[[nodiscard]] Finding judge_local_sender(const Facts& facts, const config::Configuration& configuration);
// AX-25. Value: messages from <> to this recipient, with this one; limit: as set.
[[nodiscard]] Finding judge_backscatter(const Facts& facts, const config::Configuration& configuration);

// ---- checks_recipients.cc: how many recipients of which kind a session has

// Its domain has a list of recipients, and it is not in there. Value: 1.
[[nodiscard]] Finding judge_unlisted_recipient(const Facts& facts, const config::Configuration& configuration);
// AG-5, Q22: at Stage::recipient_refused any 5xx counts, our own relay denial too, and no 4xx.
[[nodiscard]] Finding judge_invalid_recipients(const Facts& facts, const config::Configuration& configuration);
// The same at Stage::rcpt, where the last one is foreseen: the destination has refused this recipient a short while ago, and
// the session has had others refused already. Never the first one of a session.
[[nodiscard]] Finding judge_known_bad_recipient(const Facts& facts, const config::Configuration& configuration);
// AG-6, AG-7: at either Stage::recipient_...
[[nodiscard]] Finding judge_valid_recipients(const Facts& facts, const config::Configuration& configuration);

// ---- checks_client.cc: what the client does and has done

// AG-16. Value: hang-ups while it was being held, within the window.
[[nodiscard]] Finding judge_hang_ups(const Facts& facts, const config::Configuration& configuration);
// It has sent something before its greeting was due: that is what Stage::early_talker says. Value: 1.
[[nodiscard]] Finding judge_early_talker(const Facts& facts, const config::Configuration& configuration);
// AG-8, Q20. Value: messages within the window, with this one.
[[nodiscard]] Finding judge_rate(const Facts& facts, const config::Configuration& configuration);

}  // namespace caronte::policyd
