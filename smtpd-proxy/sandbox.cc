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
using sandbox::masked;

// A listener that is shut down for reading is an ordinary socket again, and MSG_FASTOPEN or an address then connects it to
// anywhere: so neither is let through (sendmsg: preset_channel()).
constexpr std::array kRules{
    allow("accept4", "clients, on the listeners that master made"),
    allow("recvfrom", "octets of clients and destinations"),
    allow("sendto", "octets to clients and destinations", masked(3, MSG_FASTOPEN, 0, "no MSG_FASTOPEN"), equal(4, 0, "no address")),
    allow("shutdown", "ends a connection after its last reply", equal(1, SHUT_WR, "SHUT_WR")),
    allow("getsockopt", "how a connection attempt stands; whether a client that is held has gone",
          equal(1, IPPROTO_TCP, "IPPROTO_TCP"), equal(2, TCP_INFO, "TCP_INFO")),
    allow("setsockopt", "replies leave at once", equal(1, IPPROTO_TCP, "IPPROTO_TCP"), equal(2, TCP_NODELAY, "TCP_NODELAY")),
};

}  // namespace

sandbox::Policy sandbox_policy() {
  static const std::array kPresets{sandbox::preset_core(), sandbox::preset_event_loop(), sandbox::preset_channel()};
  return {"smtpd-proxy", kPresets, kRules, sandbox::FolderAccess::none, false};
}

}  // namespace caronte::smtpd_proxy
