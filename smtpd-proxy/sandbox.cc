// No socket, bind, connect, open*, exec* or clone: listeners and connections come from master, as descriptors.
#include "smtpd-proxy/sandbox.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>

namespace caronte::smtpd_proxy {

namespace {

using sandbox::allow;
using sandbox::equal;

constexpr std::array kRules{
    allow("accept4", "clients, on the listeners that master made"),
    allow("recvfrom", "octets of clients and destinations"),
    allow("sendto", "octets to clients and destinations"),
    allow("writev", "a reply and what follows it in one packet"),
    allow("shutdown", "ends a connection after its last reply"),
    allow("getsockopt", "how a connection attempt ended", equal(1, SOL_SOCKET, "SOL_SOCKET"), equal(2, SO_ERROR, "SO_ERROR")),
    allow("setsockopt", "replies leave at once", equal(1, IPPROTO_TCP, "IPPROTO_TCP"), equal(2, TCP_NODELAY, "TCP_NODELAY")),
    allow("setsockopt", "drop without lingering", equal(1, SOL_SOCKET, "SOL_SOCKET"), equal(2, SO_LINGER, "SO_LINGER")),
};

}  // namespace

sandbox::Policy sandbox_policy() {
  static const std::array kPresets{sandbox::preset_core(), sandbox::preset_event_loop(), sandbox::preset_channel()};
  return {"smtpd-proxy", kPresets, kRules, sandbox::FolderAccess::none, false};
}

}  // namespace caronte::smtpd_proxy
