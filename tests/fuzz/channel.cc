// Frames of a hostile process into a real channel: the receiver lives on, reads what is there or closes, keeps no descriptor,
// and whatever message it takes encodes to the octets that came.
#include "ipc/channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "tests/fuzz/frames.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

namespace {

using namespace ipc;

template <class Message>
bool takes(std::string_view body) {
  Message message;
  if (!decode(body, message)) return false;
  std::string again;
  encode(message, again);
  CARONTE_EXPECT(again == body);
  return true;
}

class Receiver final : public ChannelOwner {
 public:
  bool is_closed = false;

 private:
  bool on_message(Channel& channel, Incoming& message) override {
    CARONTE_EXPECT(!is_closed && message.type < MessageType::kCount && channel.is_open());
    const MessageRow& row = row_of(message.type);
    CARONTE_EXPECT(row.carries_descriptor == message.descriptor.is_open());
    switch (message.type) {
#define CARONTE_CASE_ROW(Struct, from, to, descriptor) \
  case MessageType::Struct: return takes<Struct>(message.body);
      CARONTE_MESSAGE_ROWS(CARONTE_CASE_ROW)
#undef CARONTE_CASE_ROW
      case MessageType::kCount: break;
    }
    return false;
  }
  void on_channel_closed(Channel& channel, std::string_view) override {
    CARONTE_EXPECT(!is_closed && !channel.is_open());
    is_closed = true;
  }
};

int lowest_free_descriptor() {
  const int free = ::dup(STDERR_FILENO);
  ::close(free);
  return free;
}

}  // namespace

void run_channel(std::string_view bytes) {
  static wrap::EventLoop loop;
  const int before = lowest_free_descriptor();
  Input input(bytes);
  const unsigned roles = input.octet();
  constexpr auto kRoles = static_cast<unsigned>(Role::kCount);
  auto pair = make_channel_pair();
  CARONTE_EXPECT(pair.is_ok());
  {
    Receiver receiver;
    Channel channel(loop, std::move(pair.value().first), static_cast<Role>(roles % kRoles),
                    static_cast<Role>(roles / kRoles % kRoles), 0, receiver);
    while (!input.is_empty() && !receiver.is_closed) {
      send_frame_of(input, pair.value().second.get());
      loop.turn(false);
    }
    std::array<char, 1> rest{};
    const bool is_read = ::recv(pair.value().second.get(), rest.data(), rest.size(), MSG_DONTWAIT) <= 0;
    CARONTE_EXPECT(is_read);  // a receiver says nothing of its own
    pair.value().second.reset();
    for (int i = 0; i < 4 && !receiver.is_closed; ++i) loop.turn(false);
    CARONTE_EXPECT(receiver.is_closed);
  }
  CARONTE_EXPECT(lowest_free_descriptor() == before);
}

}  // namespace caronte::fuzz
