// Sockets of IPv4 and IPv6, UDP and TCP, as libunbound makes them; the protocol is pinned, for what Landlock does not know
// (MPTCP) would pass by its rules. No files: the resolvers come with the configuration.
#include "dnsd/sandbox.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

namespace caronte::dnsd {

namespace {

using sandbox::allow;
using sandbox::equal;
using sandbox::masked;
using sandbox::Rule;
using sandbox::unsupported;

constexpr std::uint64_t kType = 0xFFFFFFFFU & ~static_cast<unsigned>(SOCK_NONBLOCK | SOCK_CLOEXEC);

constexpr Rule socket_row(std::uint64_t domain, std::string_view domain_name, std::uint64_t type, std::uint64_t protocol,
                          std::string_view protocol_name) {
  return allow("socket", "questions to the resolvers", equal(0, domain, domain_name), masked(1, kType, type, protocol_name),
               equal(2, protocol, protocol_name));
}
constexpr Rule option_row(std::uint64_t level, std::string_view level_name, std::uint64_t option, std::string_view option_name) {
  return allow("setsockopt", "libunbound, of a new socket", equal(1, level, level_name), equal(2, option, option_name));
}

constexpr std::array kRules{
    socket_row(AF_INET, "AF_INET", SOCK_DGRAM, IPPROTO_IP, "any UDP"),
    socket_row(AF_INET, "AF_INET", SOCK_DGRAM, IPPROTO_UDP, "UDP"),
    socket_row(AF_INET, "AF_INET", SOCK_STREAM, IPPROTO_IP, "any TCP"),
    socket_row(AF_INET, "AF_INET", SOCK_STREAM, IPPROTO_TCP, "TCP"),
    socket_row(AF_INET6, "AF_INET6", SOCK_DGRAM, IPPROTO_IP, "any UDP"),
    socket_row(AF_INET6, "AF_INET6", SOCK_DGRAM, IPPROTO_UDP, "UDP"),
    socket_row(AF_INET6, "AF_INET6", SOCK_STREAM, IPPROTO_IP, "any TCP"),
    socket_row(AF_INET6, "AF_INET6", SOCK_STREAM, IPPROTO_TCP, "TCP"),
    option_row(SOL_SOCKET, "SOL_SOCKET", SO_REUSEADDR, "SO_REUSEADDR"),
    option_row(IPPROTO_IP, "IPPROTO_IP", IP_MTU_DISCOVER, "IP_MTU_DISCOVER"),
    option_row(IPPROTO_IP, "IPPROTO_IP", IP_BIND_ADDRESS_NO_PORT, "IP_BIND_ADDRESS_NO_PORT"),
    option_row(IPPROTO_IPV6, "IPPROTO_IPV6", IPV6_V6ONLY, "IPV6_V6ONLY"),
    option_row(IPPROTO_IPV6, "IPPROTO_IPV6", IPV6_MTU, "IPV6_MTU"),
    option_row(IPPROTO_IPV6, "IPPROTO_IPV6", IPV6_MTU_DISCOVER, "IPV6_MTU_DISCOVER"),
    allow("fcntl", "libunbound, of a new socket", equal(1, F_GETFL, "F_GETFL")),
    allow("bind", "a source port of its own for each question"),
    allow("connect", "questions to the resolvers"),
    allow("getsockopt", "how a connection attempt ended", equal(1, SOL_SOCKET, "SOL_SOCKET"), equal(2, SO_ERROR, "SO_ERROR")),
    allow("recvfrom", "answers"),
    allow("sendto", "questions", masked(3, MSG_FASTOPEN, 0, "no MSG_FASTOPEN")),
    unsupported("sendmsg", "libunbound then connects, and Landlock sees where to",
                masked(2, MSG_FASTOPEN, MSG_FASTOPEN, "MSG_FASTOPEN")),
    allow("writev", "questions over TCP"),
};

}  // namespace

sandbox::Policy sandbox_policy() {
  static const std::array kPresets{sandbox::preset_core(), sandbox::preset_event_loop(), sandbox::preset_channel()};
  return {"dnsd", kPresets, kRules, sandbox::FolderAccess::none, true};
}

}  // namespace caronte::dnsd
