// How the store carries a load (F36): RECORDS of random keys into room for BOUND, reading each key before, as policyd
// does; one entry that must never be forgotten. Prints one line of JSON: entries at the end, size on disk, times.
// Usage: store_load FOLDER RECORDS BOUND
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "policyd/bdb_store.h"

namespace {

using namespace caronte::policyd;
using Clock = std::chrono::steady_clock;

// The first eight digits are the time of the record.
std::optional<std::int64_t> worth(std::string_view, std::string_view value) {
  if (value.starts_with("keep")) return std::nullopt;
  return std::atoll(std::string(value.substr(0, 8)).c_str());
}

BdbStore::Options options_for(const std::string& folder, std::size_t bound) {
  BdbStore::Options options;
  options.folder = folder;
  options.bounds.of(Table::senders) = {bound, &worth};
  options.on_event = [](const std::string& event) { std::fprintf(stderr, "%s\n", event.c_str()); };
  return options;
}

long long microseconds_since(Clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin).count();
}

long long percentile_99(std::vector<std::uint32_t>& times) {
  const auto place = times.begin() + static_cast<std::ptrdiff_t>(times.size() * 99 / 100);
  std::nth_element(times.begin(), place, times.end());
  return *place;
}

std::uintmax_t bytes_in(const std::string& folder) {
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

void put_random(BdbStore& store, std::size_t records, std::vector<std::uint32_t>& reads, std::vector<std::uint32_t>& writes) {
  std::mt19937_64 random(20261122);
  for (std::size_t i = 0; i < records; ++i) {
    char key[20];
    const int key_size = std::snprintf(key, sizeof key, "%016llx", static_cast<unsigned long long>(random()));
    char value[64];
    const int value_size = std::snprintf(value, sizeof value, "%08zu a sender's history, compact", i);
    const auto begun = Clock::now();
    (void)store.get(Table::senders, {key, static_cast<std::size_t>(key_size)});
    reads.push_back(static_cast<std::uint32_t>(microseconds_since(begun)));
    const auto read = Clock::now();
    store.put(Table::senders, {key, static_cast<std::size_t>(key_size)}, {value, static_cast<std::size_t>(value_size)});
    writes.push_back(static_cast<std::uint32_t>(microseconds_since(read)));
    if (i % 1000 == 0) store.turn();
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return EX_USAGE;
  const std::string folder = argv[1];
  const std::size_t records = std::strtoull(argv[2], nullptr, 10);
  const std::size_t bound = std::strtoull(argv[3], nullptr, 10);
  std::vector<std::uint32_t> reads;
  std::vector<std::uint32_t> writes;
  const auto begun = Clock::now();
  auto store = std::make_unique<BdbStore>(options_for(folder, bound));
  store->open();
  store->put(Table::senders, "0000000000000000", "keep");
  put_random(*store, records, reads, writes);
  const auto entries = store->entries(Table::senders);
  const long long seconds = microseconds_since(begun) / 1'000'000;
  (void)store.release();  // neither closed nor flushed: its files are as a killed process leaves them
  const std::string killed = folder + "/killed";
  std::filesystem::create_directory(killed);
  std::filesystem::copy(folder + "/store", killed + "/store");
  const auto restart = Clock::now();
  BdbStore again(options_for(killed, bound));
  again.open();
  const long long restart_ms = microseconds_since(restart) / 1000;
  const bool is_kept = again.get(Table::senders, "0000000000000000") == "keep" && again.state() == StoreState::durable;
  std::printf(
      "{\"entries\": %llu, \"megabytes\": %llu, \"seconds\": %lld, \"read_p99_us\": %lld, \"write_p99_us\": %lld, "
      "\"write_max_us\": %u, \"restart_ms\": %lld, \"kept\": %s}\n",
      static_cast<unsigned long long>(entries), static_cast<unsigned long long>(bytes_in(folder + "/store") >> 20U), seconds,
      percentile_99(reads), percentile_99(writes), *std::max_element(writes.begin(), writes.end()), restart_ms,
      is_kept ? "true" : "false");
  std::fflush(stdout);
  ::_exit(0);
}
