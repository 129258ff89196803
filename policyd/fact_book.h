// Between the engine and what policyd remembers: looks up the facts that the settings make needed, and carries out the
// effects of a decision, once, when its answer is sent. No channels; the times are passed in.
#pragma once

#include <chrono>
#include <functional>

#include "base/clock.h"
#include "config/configuration.h"
#include "config/local_domains.h"
#include "policyd/engine.h"
#include "policyd/hell.h"
#include "policyd/null_senders.h"
#include "policyd/recent_map.h"
#include "policyd/sender_history.h"

namespace caronte::policyd {

class FactBook {
 public:
  static constexpr std::size_t kMaxBadRecipients = 20'000;
  static constexpr std::chrono::minutes kBadRecipientTime{5};  // for so long the destination's 550 is remembered
  static constexpr std::size_t kMaxRanges = 20'000;

  FactBook(SenderHistory& senders, Hell& hell) : senders_(senders), hell_(hell) {}

  struct Now {
    StoreTime stored = 0;
    base::MonotonicTime monotonic;
  };

  // Adds the optional facts to what the question and the session say.
  void look_up(Facts& facts, const config::Configuration& configuration, const config::LocalDomains& domains, const Now& now);

  // `protect`: called only where somebody is to be banned (Q9).
  using Protect = std::function<ProtectedAddresses()>;
  void apply(const Decision& decision, const Facts& facts, const config::Configuration& configuration, const Protect& protect,
             const Now& now);

 private:
  void look_up_client(Facts& facts, const config::Configuration& configuration, const Now& now);
  void look_up_recipient(Facts& facts, const config::Configuration& configuration, const config::LocalDomains& domains,
                         base::MonotonicTime now) const;
  void apply_one(const Effect& effect, const Facts& facts, const config::Configuration& configuration, const Protect& protect,
                 const Now& now);

  SenderHistory& senders_;
  Hell& hell_;
  NullSenders null_senders_;
  RecentMap<base::MonotonicTime> bad_recipients_{kMaxBadRecipients};  // when
  RecentMap<base::MonotonicTime> held_ranges_{kMaxRanges};            // until when (AX-7)
};

}  // namespace caronte::policyd
