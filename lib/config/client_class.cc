#include "config/client_class.h"

#include <array>

namespace caronte::config {

namespace {

constexpr std::size_t kClasses = static_cast<std::size_t>(ClientClass::kCount);
constexpr std::size_t kChecks = static_cast<std::size_t>(Check::kCount);

enum class Cell : std::uint8_t { applies, exempt, exempt_if_bypass, exempt_if_excluded };

struct Row {
  Check check;
  std::string_view name;
  std::array<Cell, kClasses> cells;
};

constexpr Cell kApplies = Cell::applies;
constexpr Cell kExempt = Cell::exempt;
constexpr Cell kBypass = Cell::exempt_if_bypass;      // IW-6
constexpr Cell kExcluded = Cell::exempt_if_excluded;  // AG-10

constexpr std::array<Row, kChecks> kTable{{
    //                                                              relay    authenticated  trusted  white     no_grey
    {Check::hell, "hell", {kApplies, kApplies, kApplies, kApplies, kApplies}},
    {Check::session_cap, "session-cap", {kExempt, kExempt, kExempt, kApplies, kApplies}},
    {Check::relay_guard, "relay-guard", {kExempt, kExempt, kExempt, kApplies, kApplies}},
    {Check::dnsbl, "dnsbl", {kExempt, kApplies, kBypass, kExempt, kApplies}},
    {Check::helo_and_spf, "helo-and-spf", {kExempt, kExempt, kBypass, kExempt, kApplies}},
    {Check::greylist, "greylist", {kExempt, kExempt, kBypass, kExempt, kExempt}},
    // Not of behaviour.md: null sender, characters, backscatter. Antispam, so as IW-6 and Q15 have it.
    {Check::envelope, "envelope", {kExempt, kBypass, kBypass, kExempt, kApplies}},
    {Check::local_sender, "local-sender", {kExempt, kExempt, kExempt, kApplies, kApplies}},
    {Check::rate_and_tarpit, "rate-and-tarpit", {kExempt, kExcluded, kExempt, kApplies, kApplies}},
    {Check::recipient_caps_and_size, "recipient-caps-and-size", {kExempt, kApplies, kApplies, kApplies, kApplies}},
    {Check::content, "content", {kExempt, kBypass, kBypass, kExempt, kApplies}},
    {Check::antivirus, "antivirus", {kExempt, kApplies, kApplies, kApplies, kApplies}},
    {Check::noops_and_errors, "noops-and-errors", {kExempt, kApplies, kApplies, kApplies, kApplies}},
    {Check::idle_timeout, "idle-timeout", {kApplies, kApplies, kApplies, kApplies, kApplies}},
    // Not of behaviour.md: design.md section 2, never against relay or trusted addresses.
    {Check::crash_penalty, "crash-penalty", {kExempt, kApplies, kExempt, kApplies, kApplies}},
}};

constexpr bool is_in_order() {
  for (std::size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<std::size_t>(kTable[i].check) != i) return false;
  }
  return true;
}
static_assert(is_in_order());

constexpr std::array<std::string_view, kClasses> kClassNames{"relay", "authenticated", "trusted", "white", "no-grey"};

bool is_exempt_in(Cell cell, ExemptionSwitches switches) noexcept {
  switch (cell) {
    case Cell::applies: return false;
    case Cell::exempt: return true;
    case Cell::exempt_if_bypass: return switches.bypass_antispam;
    case Cell::exempt_if_excluded: return switches.exclude_authenticated;
  }
  return false;
}

}  // namespace

std::string_view name_of(ClientClass client_class) noexcept {
  const auto index = static_cast<std::size_t>(client_class);
  return index < kClasses ? kClassNames[index] : std::string_view("?");
}

std::string_view name_of(Check check) noexcept {
  const auto index = static_cast<std::size_t>(check);
  return index < kChecks ? kTable[index].name : std::string_view("?");
}

bool is_exempt(Check check, ipc::ClientClasses classes, ExemptionSwitches switches) noexcept {
  const auto row = static_cast<std::size_t>(check);
  if (row >= kChecks) return false;
  for (std::size_t i = 0; i < kClasses; ++i) {
    if (has_class(classes, static_cast<ClientClass>(i)) && is_exempt_in(kTable[row].cells[i], switches)) return true;
  }
  return false;
}

std::string class_names(ipc::ClientClasses classes) {
  std::string names;
  for (std::size_t i = 0; i < kClasses; ++i) {
    if (!has_class(classes, static_cast<ClientClass>(i))) continue;
    if (!names.empty()) names += ' ';
    names += kClassNames[i];
  }
  return names;
}

}  // namespace caronte::config
