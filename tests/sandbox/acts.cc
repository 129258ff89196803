#include "tests/sandbox/acts.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>

#include "sandbox/sandbox.h"

namespace caronte::tests {

namespace {

using ipc::kDnsd;
using ipc::kLogd;
using ipc::kPolicyd;
using ipc::kSmtpdProxy;
using ipc::kWorkers;
using ipc::RoleMask;

constexpr RoleMask but(RoleMask roles) {
  return static_cast<RoleMask>(kWorkers & ~roles);
}

// Numbers of calls that are the same on every architecture since Linux 5.1.
constexpr long kPidfdOpen = 434;
constexpr long kClone3 = 435;
constexpr long kOpenat2 = 437;
constexpr long kPidfdGetfd = 438;
constexpr long kIoUringSetup = 425;
constexpr long kLandlockCreateRuleset = 444;

std::uint64_t number(long value) {
  return static_cast<std::uint64_t>(value);
}
std::uint64_t here() {
  return number(AT_FDCWD);
}
std::string text(const char* value) {
  return {value, std::strlen(value) + 1};
}

template <class Address>
std::string octets(const Address& address) {
  return {reinterpret_cast<const char*>(&address), sizeof address};
}

std::string loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return octets(address);
}

std::string unix_path(const char* path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path, sizeof address.sun_path - 1);
  return octets(address);
}

void add_files(std::vector<Act>& acts, const Scene& scene) {
  const std::vector<int> outside{ENOENT};  // the chroot, where the kernel has no Landlock
  acts.push_back({"open /etc/passwd", SYS_openat, {here(), text("/etc/passwd"), number(O_RDONLY)}, kWorkers, outside});
  acts.push_back({"open caronte.xml", SYS_openat, {here(), text("/etc/caronte/caronte.xml"), number(O_RDONLY)}, kWorkers, outside});
  acts.push_back({"open the memory of master",
                  SYS_openat,
                  {here(), text(("/proc/" + std::to_string(scene.master) + "/mem").c_str()), number(O_RDWR)},
                  kWorkers,
                  outside});
  acts.push_back({"climb out of the folder",
                  SYS_openat,
                  {scene.log_folder < 0 ? here() : number(scene.log_folder), text("../../../../etc/passwd"), number(O_RDONLY)},
                  kWorkers,
                  outside});
  acts.push_back({"make a file in /tmp",
                  SYS_openat,
                  {here(), text("/tmp/caronte-hostile-no-such-folder/x"), number(O_RDWR | O_CREAT), number(0600)},
                  kWorkers,
                  outside});
  acts.push_back({"openat2", kOpenat2, {here(), text("/etc/passwd"), std::string(24, '\0'), number(24)}});
  acts.push_back(
      {"read a folder's names", SYS_getdents64, {number(scene.log_folder), std::string(256, '\0'), number(256)}, but(kPolicyd)});
  acts.push_back({"make a folder", SYS_mkdirat, {here(), text("/nonexistent/folder"), number(0700)}, but(kPolicyd)});
  acts.push_back({"make a symbolic link", SYS_symlinkat, {text("/etc/passwd"), here(), text("/nonexistent/link")}});
  acts.push_back({"make a hard link", SYS_linkat, {here(), text("/nonexistent/a"), here(), text("/nonexistent/b"), number(0)}});
  acts.push_back({"make a device", SYS_mknodat, {here(), text("/nonexistent/null"), number(020600), number(0x103)}});
  acts.push_back({"change a mode", SYS_fchmodat, {here(), text("/nonexistent"), number(04755)}});
  acts.push_back({"change an owner", SYS_fchownat, {here(), text("/nonexistent"), number(0), number(0), number(0)}});
  acts.push_back({"chdir", SYS_chdir, {text("/")}});
  acts.push_back({"chroot", SYS_chroot, {text("/")}});
  acts.push_back({"mount", SYS_mount, {number(0), number(0), number(0), number(0), number(0)}});
  acts.push_back({"umount", SYS_umount2, {text("/nonexistent"), number(0)}});
  acts.push_back({"pivot_root", SYS_pivot_root, {text("/nonexistent"), text("/nonexistent")}});
  acts.push_back({"open by handle", SYS_open_by_handle_at, {here(), number(0), number(0)}});
}

void add_programs(std::vector<Act>& acts) {
  acts.push_back({"execve", SYS_execve, {text("/nonexistent/sh"), number(0), number(0)}});
  acts.push_back({"execveat of a descriptor", SYS_execveat, {number(3), text(""), number(0), number(0), number(AT_EMPTY_PATH)}});
  acts.push_back({"memfd_create", SYS_memfd_create, {text("program"), number(0)}});
  acts.push_back({"clone", SYS_clone, {number(CLONE_THREAD)}});  // EINVAL where it is let through
  acts.push_back({"clone3", kClone3, {number(0), number(0)}});
#ifdef SYS_fork
  acts.push_back({"fork", SYS_fork, {}, kWorkers, {}, Instruction::system_call, false});
  acts.push_back({"vfork", SYS_vfork, {}, kWorkers, {}, Instruction::system_call, false});
#endif
}

void add_network(std::vector<Act>& acts, const Scene& scene) {
  const auto socket = [&](std::string_view name, long domain, long type, long protocol, RoleMask roles = kWorkers) {
    acts.push_back({name, SYS_socket, {number(domain), number(type), number(protocol)}, roles});
  };
  socket("socket INET STREAM", AF_INET, SOCK_STREAM, 0, but(kDnsd));
  socket("socket INET6 DGRAM", AF_INET6, SOCK_DGRAM, 0, but(kDnsd));
  socket("socket MPTCP", AF_INET, SOCK_STREAM, 262);
  socket("socket SCTP", AF_INET, SOCK_STREAM, IPPROTO_SCTP);
  socket("socket RAW", AF_INET, SOCK_RAW, IPPROTO_ICMP);
  socket("socket ping", AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  socket("socket UNIX", AF_UNIX, SOCK_STREAM, 0);
  socket("socket NETLINK", AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  socket("socket PACKET", AF_PACKET, SOCK_RAW, 0);
  socket("socket ALG", AF_ALG, SOCK_SEQPACKET, 0);
  socket("socket VSOCK", AF_VSOCK, SOCK_STREAM, 0);
  acts.push_back({"socketpair", SYS_socketpair, {number(AF_UNIX), number(SOCK_STREAM), number(0), std::string(8, '\0')}});
  // Descriptor 3 is the channel to master: a socket of the kind that the call is about is not needed to be refused.
  acts.push_back({"bind", SYS_bind, {number(3), loopback(2525), number(sizeof(sockaddr_in))}, but(kDnsd)});
  acts.push_back({"listen", SYS_listen, {number(3), number(1)}});
  acts.push_back({"accept4", SYS_accept4, {number(3), number(0), number(0), number(0)}, kDnsd});
  acts.push_back({"connect to 127.0.0.1:1", SYS_connect, {number(3), loopback(1), number(sizeof(sockaddr_in))}, but(kDnsd)});
  acts.push_back({"connect to a unix socket",
                  SYS_connect,
                  {number(3), unix_path("/run/docker.sock"), number(sizeof(sockaddr_un))},
                  kWorkers,
                  {ENOENT, EISCONN, ECONNREFUSED, EINVAL}});
  acts.push_back({"make a listener a client (shutdown)", SYS_shutdown, {number(scene.listener), number(SHUT_RD)}});
  acts.push_back({"connect by sendto MSG_FASTOPEN",
                  SYS_sendto,
                  {number(scene.listener), text("x"), number(1), number(MSG_FASTOPEN), loopback(1), number(sizeof(sockaddr_in))},
                  but(kDnsd)});
  acts.push_back({"sendto an address",
                  SYS_sendto,
                  {number(3), text("x"), number(1), number(MSG_DONTWAIT | MSG_NOSIGNAL), loopback(1), number(0)},
                  but(kDnsd)});
  acts.push_back(
      {"sendmsg MSG_FASTOPEN", SYS_sendmsg, {number(scene.listener), std::string(56, '\0'), number(MSG_FASTOPEN)}, but(kDnsd)});
  acts.push_back({"socket option SO_ATTACH_FILTER",
                  SYS_setsockopt,
                  {number(3), number(SOL_SOCKET), number(SO_ATTACH_FILTER), std::string(16, '\0'), number(16)}});
  acts.push_back(
      {"socket option TCP_ULP", SYS_setsockopt, {number(3), number(IPPROTO_TCP), number(TCP_ULP), text("tls"), number(3)}});
  acts.push_back({"ioctl", SYS_ioctl, {number(0), number(TCGETS), std::string(128, '\0')}});
}

// dnsd makes sockets: what it can do with one.
void add_own_sockets(std::vector<Act>& acts) {
  const auto with_socket = [&](std::string_view name, long type, Act act) {
    act.name = name;
    act.roles = kDnsd;
    act.opener = SYS_socket;
    act.opener_arguments = {number(AF_INET), number(type), number(0)};
    acts.push_back(std::move(act));
  };
  const std::uint64_t size = number(sizeof(sockaddr_in));
  with_socket("connect by sendmsg MSG_FASTOPEN", SOCK_STREAM,
              {"", SYS_sendmsg, {number(0), std::string(56, '\0'), number(MSG_FASTOPEN)}, kDnsd, {EOPNOTSUPP}});
  with_socket("connect by sendto MSG_FASTOPEN", SOCK_STREAM,
              {"", SYS_sendto, {number(0), text("x"), number(1), number(MSG_FASTOPEN), loopback(25), size}});
  with_socket("bind UDP port 53", SOCK_DGRAM, {"", SYS_bind, {number(0), loopback(53), size}});
  with_socket("listen on a socket of its own", SOCK_STREAM, {"", SYS_listen, {number(0), number(1)}});
  if (sandbox::landlock_abi() < 4) return;
  with_socket("connect TCP to port 25", SOCK_STREAM, {"", SYS_connect, {number(0), loopback(25), size}});
  with_socket("bind TCP port 2525", SOCK_STREAM, {"", SYS_bind, {number(0), loopback(2525), size}});
}

void add_processes(std::vector<Act>& acts, const Scene& scene) {
  // PTRACE_SEIZE with an address is refused before it does anything.
  acts.push_back({"ptrace master", SYS_ptrace, {number(PTRACE_SEIZE), number(scene.master), number(1), number(0)}});
  acts.push_back({"kill master", SYS_kill, {number(scene.master), number(0)}});
  acts.push_back({"kill all", SYS_kill, {number(-1), number(0)}});
  acts.push_back({"kill itself by kill", SYS_kill, {number(scene.worker), number(0)}});
  acts.push_back({"tgkill master", SYS_tgkill, {number(scene.master), number(scene.master), number(0)}});
  acts.push_back({"tkill master", SYS_tkill, {number(scene.master), number(0)}});
  acts.push_back({"queue a signal to master", SYS_rt_sigqueueinfo, {number(scene.master), number(0), std::string(128, '\0')}});
  acts.push_back(
      {"read master's memory", SYS_process_vm_readv, {number(scene.master), number(0), number(0), number(0), number(0)}});
  acts.push_back(
      {"write master's memory", SYS_process_vm_writev, {number(scene.master), number(0), number(0), number(0), number(0)}});
  acts.push_back({"pidfd_open", kPidfdOpen, {number(scene.master), number(0)}});
  acts.push_back({"pidfd_getfd", kPidfdGetfd, {number(3), number(0), number(0)}});
  acts.push_back({"limits of master", SYS_prlimit64, {number(scene.master), number(7), number(0), number(0)}});
  acts.push_back({"have SIGIO sent to master", SYS_fcntl, {number(3), number(F_SETOWN), number(scene.master)}});
  acts.push_back({"duplicate a descriptor", SYS_fcntl, {number(3), number(F_DUPFD), number(100)}});
}

void add_privileges(std::vector<Act>& acts) {
  const std::uint64_t unchanged = number(-1);
  acts.push_back({"setuid 0", SYS_setuid, {number(0)}});
  acts.push_back({"setresuid", SYS_setresuid, {unchanged, unchanged, unchanged}});
  acts.push_back({"setgid 0", SYS_setgid, {number(0)}});
  acts.push_back({"setgroups", SYS_setgroups, {number(0), number(0)}});
  acts.push_back({"capset", SYS_capset, {number(0), number(0)}});
  acts.push_back({"prctl DUMPABLE", SYS_prctl, {number(PR_SET_DUMPABLE), number(1), number(0), number(0), number(0)}});
  acts.push_back({"prctl PTRACER", SYS_prctl, {number(PR_SET_PTRACER), unchanged, number(0), number(0), number(0)}});
  acts.push_back({"seccomp", SYS_seccomp, {number(99), number(0), number(0)}});
  acts.push_back({"landlock", kLandlockCreateRuleset, {number(0), number(0), number(1)}});
  acts.push_back({"unshare NEWUSER", SYS_unshare, {number(CLONE_NEWUSER)}});
  acts.push_back({"setns", SYS_setns, {number(3), number(0)}});
  acts.push_back({"sethostname", SYS_sethostname, {text("x"), number(-1)}});
}

void add_kernel(std::vector<Act>& acts) {
  acts.push_back({"bpf", SYS_bpf, {number(5), number(0), number(0)}});
  acts.push_back({"io_uring_setup", kIoUringSetup, {number(0), number(0)}});
  acts.push_back({"keyctl", SYS_keyctl, {number(KEYCTL_GET_KEYRING_ID), number(KEY_SPEC_SESSION_KEYRING), number(0)}});
  acts.push_back({"add_key", SYS_add_key, {number(0), number(0), number(0), number(0), number(0)}});
  acts.push_back({"userfaultfd", SYS_userfaultfd, {number(1)}});  // user mode only: anybody may
  acts.push_back({"perf_event_open", SYS_perf_event_open, {number(0), number(0), number(-1), number(-1), number(0)}});
  acts.push_back({"init_module", SYS_init_module, {number(0), number(0), text("")}});
  acts.push_back({"finit_module", SYS_finit_module, {number(3), text(""), number(0)}});
  acts.push_back({"kexec_load", SYS_kexec_load, {number(0), number(0), number(0), number(0xFFFF)}});
  acts.push_back({"reboot", SYS_reboot, {number(0), number(0), number(0), number(0)}});
  acts.push_back({"swapon", SYS_swapon, {text("/nonexistent"), number(0)}});
  acts.push_back({"read the kernel's log", SYS_syslog, {number(10), number(0), number(0)}});
}

void add_memory(std::vector<Act>& acts, const Scene& scene) {
  const std::uint64_t anonymous = number(MAP_PRIVATE | MAP_ANONYMOUS);
  const auto map = [&](std::string_view name, long protection) {
    acts.push_back({name, SYS_mmap, {number(0), number(4096), number(protection), anonymous, number(-1), number(0)}});
  };
  map("mmap RWX", PROT_READ | PROT_WRITE | PROT_EXEC);
  map("mmap RX", PROT_READ | PROT_EXEC);
  acts.push_back({"mprotect code RWX", SYS_mprotect, {scene.code_page, number(4096), number(PROT_READ | PROT_WRITE | PROT_EXEC)}});
  acts.push_back({"mprotect RX", SYS_mprotect, {scene.code_page, number(4096), number(PROT_READ | PROT_EXEC)}});
  acts.push_back(
      {"pkey_mprotect RX", SYS_pkey_mprotect, {scene.code_page, number(4096), number(PROT_READ | PROT_EXEC), number(-1)}});
  acts.push_back(
      {"futex FUTEX_UNLOCK_PI", SYS_futex, {std::string(8, '\0'), number(7), number(0), number(0), number(0), number(0)}});
#ifdef __x86_64__
  acts.push_back({"getpid by int 0x80", 20, {}, kWorkers, {}, Instruction::int_80});
  acts.push_back({"getpid of x32", 0x40000000L | SYS_getpid, {}});
  acts.push_back({"modify_ldt", SYS_modify_ldt, {number(0), std::string(16, '\0'), number(16)}});
#endif
}

}  // namespace

std::vector<Act> all_acts(const Scene& scene) {
  std::vector<Act> acts;
  add_files(acts, scene);
  add_programs(acts);
  add_network(acts, scene);
  add_own_sockets(acts);
  add_processes(acts, scene);
  add_privileges(acts);
  add_kernel(acts);
  add_memory(acts, scene);
  return acts;
}

std::vector<Act> allowed_acts(const Scene& scene) {
  return {
      {"getpid", SYS_getpid, {}},
      {"mmap RW",
       SYS_mmap,
       {number(0), number(4096), number(PROT_READ | PROT_WRITE), number(MAP_PRIVATE | MAP_ANONYMOUS), number(-1)}},
      {"socket INET DGRAM", SYS_socket, {number(AF_INET), number(SOCK_DGRAM), number(0)}, kDnsd},
      {"make a file in the folder",
       SYS_openat,
       {number(scene.log_folder), text("hostile"), number(O_RDWR | O_CREAT), number(0600)},
       kLogd},
      {"no delay on a socket",
       SYS_setsockopt,
       {number(scene.listener), number(IPPROTO_TCP), number(TCP_NODELAY), std::string("\1\0\0\0", 4), number(4)},
       kSmtpdProxy},
  };
}

}  // namespace caronte::tests
