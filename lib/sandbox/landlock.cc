#include "sandbox/landlock.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/fd.h"
#include "sandbox/sandbox.h"

namespace caronte::sandbox {

namespace {

// The same numbers on every architecture.
constexpr long kCreateRuleset = 444;
constexpr long kAddRule = 445;
constexpr long kRestrictSelf = 446;
constexpr unsigned kVersionFlag = 1;
constexpr int kPathBeneath = 1;
constexpr int kNetworkPort = 2;

// Rights by the order of the kernel's bits.
enum FileRight : std::uint64_t {
  kExecute = 1U << 0U,
  kWriteFile = 1U << 1U,
  kReadFile = 1U << 2U,
  kReadFolder = 1U << 3U,
  kRemoveFolder = 1U << 4U,
  kRemoveFile = 1U << 5U,
  kMakeFolder = 1U << 7U,
  kMakeRegular = 1U << 8U,
  kTruncate = 1U << 14U,
};
constexpr std::uint64_t kFolderRights = kWriteFile | kReadFile | kReadFolder | kRemoveFile | kMakeRegular | kTruncate;
constexpr std::uint64_t kTreeRights = kFolderRights | kRemoveFolder | kMakeFolder;
constexpr std::uint64_t kBindTcp = 1U << 0U;
constexpr std::uint64_t kConnectTcp = 1U << 1U;
constexpr std::uint64_t kScopes = 3;  // abstract unix sockets, signals

// Bits of file rights that each ABI knows: 13 at first, then REFER, TRUNCATE, and IOCTL_DEV with 5.
constexpr std::uint64_t file_rights_of(int abi) noexcept {
  const unsigned bits = abi >= 5 ? 16U : abi >= 3 ? 15U : abi == 2 ? 14U : 13U;
  return (std::uint64_t{1} << bits) - 1;
}

struct RulesetAttributes {
  std::uint64_t files;
  std::uint64_t network;  // from ABI 4 on
  std::uint64_t scopes;   // from ABI 6 on
};

struct [[gnu::packed]] PathBeneath {
  std::uint64_t rights;
  std::int32_t folder;
};

struct NetworkPort {
  std::uint64_t rights;
  std::uint64_t port;
};

}  // namespace

int landlock_abi() noexcept {
  const long abi = ::syscall(kCreateRuleset, nullptr, 0UL, kVersionFlag);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

base::Status restrict_by_landlock(const LandlockGrant& grant) {
  const int abi = landlock_abi();
  if (abi == 0) return base::Done{};
  RulesetAttributes attributes{};
  attributes.files = file_rights_of(abi);
  // An older kernel takes the longer struct only if what it does not know is zero.
  attributes.network = abi >= 4 ? kBindTcp | kConnectTcp : 0;
  attributes.scopes = abi >= 6 ? kScopes : 0;
  const base::Fd ruleset(static_cast<int>(::syscall(kCreateRuleset, &attributes, sizeof attributes, 0U)));
  if (!ruleset.is_open()) return base::system_error(errno, "landlock_create_ruleset");
  if (grant.folder >= 0) {
    const std::uint64_t rights = grant.has_folders ? kTreeRights : kFolderRights;
    const PathBeneath beneath{rights & attributes.files, grant.folder};
    if (::syscall(kAddRule, ruleset.get(), kPathBeneath, &beneath, 0U) != 0) return base::system_error(errno, "landlock_add_rule");
  }
  for (const std::uint16_t port : grant.connect_ports) {
    if (abi < 4) break;
    const NetworkPort rule{kConnectTcp, port};
    if (::syscall(kAddRule, ruleset.get(), kNetworkPort, &rule, 0U) != 0) return base::system_error(errno, "landlock_add_rule");
  }
  if (::syscall(kRestrictSelf, ruleset.get(), 0U) != 0) return base::system_error(errno, "landlock_restrict_self");
  return base::Done{};
}

}  // namespace caronte::sandbox
