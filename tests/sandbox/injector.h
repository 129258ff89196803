// Makes a running process commit system calls of our choice, by ptrace: so the released binary is tried in its real sandbox
// and holds nothing for a test. x86_64 and aarch64.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <variant>

namespace caronte::tests {

#if defined(__x86_64__) || defined(__aarch64__)
inline constexpr bool kCanInject = true;
#else
inline constexpr bool kCanInject = false;
#endif

enum class Instruction : std::uint8_t {
  system_call,
  int_80,  // i386's entry (x86_64 only)
};

class Injector {
 public:
  // A number, or octets that are placed on the stack and passed by their address.
  using Argument = std::variant<std::uint64_t, std::string>;
  using Arguments = std::array<Argument, 6>;
  struct Outcome {
    bool has_died = false;
    int signal = 0;   // that ended it
    long result = 0;  // of the call, -errno on errors
  };

  // Stops the process. Throws std::runtime_error when that cannot be done.
  explicit Injector(pid_t process);
  // Lets it go on where it was.
  ~Injector();
  Injector(const Injector&) = delete;
  Injector& operator=(const Injector&) = delete;

  [[nodiscard]] Outcome call(long number, const Arguments& arguments, Instruction instruction = Instruction::system_call);
  // The page of code that it was stopped in.
  [[nodiscard]] std::uint64_t code_page() const noexcept;
  [[nodiscard]] bool has_died() const noexcept { return has_died_; }

 private:
  struct Registers;
  void stop();
  void wait_for_stop();
  void write_memory(std::uint64_t address, const std::string& bytes);
  [[nodiscard]] std::uint64_t place(const Argument& argument, std::uint64_t& stack);
  // Until the next stop, whose signal it tells.
  [[nodiscard]] Outcome resume(int request, int signal = 0);
  [[nodiscard]] Outcome step_to_end_of_call();

  pid_t process_;
  std::uint64_t entry_ = 0;  // address of an instruction that enters the kernel
  bool has_died_ = false;
  alignas(16) std::array<std::uint64_t, 64> saved_{};  // registers at the stop
};

}  // namespace caronte::tests
