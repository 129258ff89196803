// A resolver for the tests of look-ups.
#pragma once

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/address.h"
#include "dns_packet.h"
#include "dnsd/dns_asker.h"

namespace caronte::dnsd {

// A zone in memory; names without an entry do not exist, names in `dead` get no answer.
class FakeResolver final : public DnsAsker {
 public:
  std::map<std::string, std::vector<std::string>> names;    // PTR
  std::map<std::string, std::vector<base::Address>> hosts;  // A and AAAA
  std::vector<std::string> dead;
  bool is_full = false;
  std::vector<std::string> asked;
  int forgotten = 0;
  DnsLookup* lookup = nullptr;  // who gets the replies

  std::uint64_t ask(std::string_view name, wrap::RecordType type) override {
    if (is_full) return 0;
    asked.emplace_back(name);
    open.push_back({++last_, std::string(name), type});
    return last_;
  }
  void forget(std::uint64_t id) override {
    forgotten += static_cast<int>(std::erase_if(open, [id](const Open& o) { return o.id == id; }));
  }
  // Answers the oldest (or newest) open question.
  void answer_one(bool newest = false) {
    const Open question = newest ? open.back() : open.front();
    if (newest) {
      open.pop_back();
    } else {
      open.pop_front();
    }
    lookup->on_reply(question.id, packet_for(question));
  }
  void answer_all() {
    while (!open.empty()) answer_one();
  }

  struct Open {
    std::uint64_t id;
    std::string name;
    wrap::RecordType type;
  };
  std::deque<Open> open;

 private:
  std::string packet_for(const Open& question) {
    if (std::find(dead.begin(), dead.end(), question.name) != dead.end()) return {};
    tests::DnsPacket packet(question.name, question.type);
    for (const std::string& name : names[question.name]) packet.ptr(question.name, name);
    for (const base::Address& address : hosts[question.name]) packet.address(question.name, address);
    return packet.bytes();
  }
  std::uint64_t last_ = 0;
};

}  // namespace caronte::dnsd
