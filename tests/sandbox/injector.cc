#include "tests/sandbox/injector.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace caronte::tests {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kBelowStack = 2048;  // beyond any red zone
constexpr int kSystemCallStop = SIGTRAP | 0x80;

[[noreturn]] void fail(const char* what) {
  throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

#if defined(__x86_64__)
constexpr std::uint64_t kEntrySize = 2;
bool is_entry(std::uint64_t word) {
  return (word & 0xFFFFU) == 0x050FU;
}  // syscall
#elif defined(__aarch64__)
constexpr std::uint64_t kEntrySize = 4;
bool is_entry(std::uint64_t word) {
  return (word & 0xFFFFFFFFU) == 0xD4000001U;
}  // svc #0
#else
constexpr std::uint64_t kEntrySize = 4;
bool is_entry(std::uint64_t) {
  return false;
}
#endif

}  // namespace

// What differs by architecture: where the counter, the stack, the number and the arguments are.
struct Injector::Registers {
#if defined(__x86_64__) || defined(__aarch64__)
  user_regs_struct values;
#endif

  void read(pid_t process) {
    iovec part{this, sizeof *this};
    if (::ptrace(PTRACE_GETREGSET, process, NT_PRSTATUS, &part) != 0) fail("PTRACE_GETREGSET");
  }
  void write(pid_t process) {
    iovec part{this, sizeof *this};
    if (::ptrace(PTRACE_SETREGSET, process, NT_PRSTATUS, &part) != 0) fail("PTRACE_SETREGSET");
  }
#if defined(__x86_64__)
  [[nodiscard]] std::uint64_t counter() const {
    return values.rip;
  }
  [[nodiscard]] std::uint64_t stack() const {
    return values.rsp;
  }
  [[nodiscard]] long result() const {
    return static_cast<long>(values.rax);
  }
  void enter(std::uint64_t address, long number, const std::array<std::uint64_t, 6>& arguments, Instruction instruction) {
    values.rip = address;
    values.rax = static_cast<std::uint64_t>(number);
    values.orig_rax = ~0ULL;  // no call is to be restarted
    if (instruction == Instruction::int_80) {
      values.rbx = arguments[0];
      values.rcx = arguments[1];
      return;
    }
    values.rdi = arguments[0];
    values.rsi = arguments[1];
    values.rdx = arguments[2];
    values.r10 = arguments[3];
    values.r8 = arguments[4];
    values.r9 = arguments[5];
  }
  void set_result(long value) {
    values.rax = static_cast<std::uint64_t>(value);
    values.orig_rax = ~0ULL;
  }
  void set_counter(std::uint64_t address) {
    values.rip = address;
  }
#elif defined(__aarch64__)
  [[nodiscard]] std::uint64_t counter() const {
    return values.pc;
  }
  [[nodiscard]] std::uint64_t stack() const {
    return values.sp;
  }
  [[nodiscard]] long result() const {
    return static_cast<long>(values.regs[0]);
  }
  void enter(std::uint64_t address, long number, const std::array<std::uint64_t, 6>& arguments, Instruction) {
    values.pc = address;
    values.regs[8] = static_cast<std::uint64_t>(number);
    for (std::size_t i = 0; i < arguments.size(); ++i) values.regs[i] = arguments[i];
  }
  void set_result(long value) {
    values.regs[0] = static_cast<std::uint64_t>(value);
  }
  void set_counter(std::uint64_t address) {
    values.pc = address;
  }
#else
  [[nodiscard]] std::uint64_t counter() const {
    return 0;
  }
  [[nodiscard]] std::uint64_t stack() const {
    return 0;
  }
  [[nodiscard]] long result() const {
    return 0;
  }
  void enter(std::uint64_t, long, const std::array<std::uint64_t, 6>&, Instruction) {}
  void set_result(long) {}
  void set_counter(std::uint64_t) {}
#endif
};

Injector::Injector(pid_t process) : process_(process) {
  // Right after an answer it may still be on its way to where it waits.
  for (int attempt = 0; attempt < 100; ++attempt) {
    stop();
    if (entry_ != 0) return;
    ::ptrace(PTRACE_DETACH, process_, 0, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  throw std::runtime_error("the worker is not at rest in a system call");
}

void Injector::stop() {
  static_assert(sizeof(Registers) <= sizeof saved_);
  if (!kCanInject) throw std::runtime_error("this architecture is not known to the injector");
  if (::ptrace(PTRACE_SEIZE, process_, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) != 0) fail("PTRACE_SEIZE");
  if (::ptrace(PTRACE_INTERRUPT, process_, 0, 0) != 0) fail("PTRACE_INTERRUPT");
  wait_for_stop();
  Registers registers{};
  registers.read(process_);
  std::memcpy(saved_.data(), &registers, sizeof registers);
  // A worker at rest waits in the kernel: the counter stands behind, or before a restart at, the instruction that went in.
  for (const std::uint64_t address : {registers.counter() - kEntrySize, registers.counter()}) {
    errno = 0;
    const long word = ::ptrace(PTRACE_PEEKTEXT, process_, address, 0);
    if (errno == 0 && is_entry(static_cast<std::uint64_t>(word))) entry_ = address;
  }
}

Injector::~Injector() {
  if (has_died_) return;
  Registers registers{};
  std::memcpy(&registers, saved_.data(), sizeof registers);
  // The call that it waited in has ended as by a signal; one that had just ended keeps its result.
  const bool is_restart = registers.counter() == entry_ || (registers.result() <= -512 && registers.result() >= -516);
  registers.set_counter(entry_ + kEntrySize);
  registers.set_result(is_restart ? -EINTR : registers.result());
  try {
    registers.write(process_);
  } catch (const std::runtime_error&) {
    return;  // it has just died; whoever waits for it sees that
  }
  ::ptrace(PTRACE_DETACH, process_, 0, 0);
}

std::uint64_t Injector::code_page() const noexcept {
  return entry_ & ~(kPage - 1);
}

void Injector::wait_for_stop() {
  int status = 0;
  if (::waitpid(process_, &status, 0) != process_) fail("waitpid");
  if (!WIFSTOPPED(status)) {
    has_died_ = true;
    throw std::runtime_error("the worker ended before the act");
  }
}

void Injector::write_memory(std::uint64_t address, const std::string& bytes) {
  iovec local{const_cast<char*>(bytes.data()), bytes.size()};
  iovec remote{reinterpret_cast<void*>(address), bytes.size()};
  if (::process_vm_writev(process_, &local, 1, &remote, 1, 0) != static_cast<ssize_t>(bytes.size())) fail("process_vm_writev");
}

std::uint64_t Injector::place(const Argument& argument, std::uint64_t& stack) {
  if (const auto* number = std::get_if<std::uint64_t>(&argument)) return *number;
  const std::string& bytes = std::get<std::string>(argument);
  stack = (stack - bytes.size()) & ~std::uint64_t{15};
  write_memory(stack, bytes);
  return stack;
}

Injector::Outcome Injector::call(long number, const Arguments& arguments, Instruction instruction) {
  Registers registers{};
  std::memcpy(&registers, saved_.data(), sizeof registers);
  std::uint64_t stack = registers.stack() - kBelowStack;
  std::array<std::uint64_t, 6> values{};
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = place(arguments[i], stack);

  errno = 0;
  const long code = ::ptrace(PTRACE_PEEKTEXT, process_, entry_, 0);
  if (errno != 0) fail("PTRACE_PEEKTEXT");
  const bool is_foreign = instruction == Instruction::int_80;
  if (is_foreign) ::ptrace(PTRACE_POKETEXT, process_, entry_, (code & ~0xFFFFL) | 0x80CDL);
  registers.enter(entry_, number, values, instruction);
  registers.write(process_);
  const Outcome outcome = step_to_end_of_call();
  if (is_foreign && !outcome.has_died) ::ptrace(PTRACE_POKETEXT, process_, entry_, code);
  return outcome;
}

Injector::Outcome Injector::resume(int request, int signal) {
  if (::ptrace(static_cast<__ptrace_request>(request), process_, 0, signal) != 0) fail("PTRACE_SYSCALL");
  int status = 0;
  if (::waitpid(process_, &status, 0) != process_) fail("waitpid");
  if (WIFSTOPPED(status)) return {.signal = WSTOPSIG(status)};
  has_died_ = true;
  return {.has_died = true, .signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0};
}

Injector::Outcome Injector::step_to_end_of_call() {
  for (int stops = 0; stops < 2;) {
    const Outcome outcome = resume(PTRACE_SYSCALL);
    if (outcome.has_died) return outcome;
    if (outcome.signal == kSystemCallStop) ++stops;
  }
  Registers registers{};
  registers.read(process_);
  // A filter that kills lets the call end as if nothing had been; the signal comes on the way back, before any instruction.
  Outcome outcome = resume(PTRACE_SINGLESTEP);
  // The worker may note what it did before it dies of it.
  while (!outcome.has_died && outcome.signal == SIGSYS) outcome = resume(PTRACE_CONT, SIGSYS);
  if (outcome.has_died) return outcome;
  return {.result = registers.result()};
}

}  // namespace caronte::tests
