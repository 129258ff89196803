// Writes numbers into a store whose disk fails meanwhile (F29: under `strace -e inject`, which the sandbox of a real policyd
// does not bear), and ends as by kill -9; with `check` looks whether all are there. Prints one line of JSON.
// Usage: store_writer FOLDER COUNT [check]
#include <sysexits.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "policyd/bdb_store.h"

namespace {

using namespace caronte::policyd;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

const char* text_of(bool is_true) {
  return is_true ? "true" : "false";
}

unsigned count_missing(BdbStore& store, unsigned count) {
  unsigned missing = 0;
  for (unsigned i = 0; i < count; ++i) missing += store.get(Table::hell, std::to_string(i)) == std::to_string(i) ? 0 : 1;
  return missing;
}

void pass(BdbStore& store, std::chrono::milliseconds time, bool& was_in_memory) {
  const auto end = Clock::now() + time;
  do {
    was_in_memory = was_in_memory || store.state() == StoreState::in_memory;
    std::this_thread::sleep_for(std::min(store.turn(), std::chrono::milliseconds(5)));
  } while (Clock::now() < end);
}

// In three parts, with a sync between them.
void write(BdbStore& store, unsigned count) {
  bool was_in_memory = false;
  for (unsigned i = 0; i < count; ++i) {
    store.put(Table::hell, std::to_string(i), std::to_string(i));
    if (i % (count / 3) == 0) pass(store, 1100ms, was_in_memory);
    if (i % 10 == 0) pass(store, 0ms, was_in_memory);
  }
  const auto begun = Clock::now();
  bool is_durable = false;
  while (!is_durable && Clock::now() < begun + 15s) {
    pass(store, 20ms, was_in_memory);
    is_durable = store.state() == StoreState::durable;
  }
  const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begun).count();
  std::printf("{\"was_in_memory\": %s, \"durable\": %s, \"waited_ms\": %lld, \"missing\": %u}\n", text_of(was_in_memory),
              text_of(is_durable), static_cast<long long>(waited), count_missing(store, count));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return EX_USAGE;
  const auto count = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
  BdbStore::Options options;
  options.folder = argv[1];
  options.on_event = [](const std::string& event) { std::fprintf(stderr, "%s\n", event.c_str()); };
  BdbStore store(std::move(options));
  store.open();
  if (argc == 3) {
    write(store, count);
  } else {
    std::printf("{\"durable\": %s, \"missing\": %u}\n", text_of(store.state() == StoreState::durable), count_missing(store, count));
  }
  std::fflush(stdout);
  ::_exit(0);
}
