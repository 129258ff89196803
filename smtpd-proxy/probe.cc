#include "smtpd-proxy/probe.h"

#include "smtpd-proxy/proxy.h"

namespace caronte::smtpd_proxy {

namespace {

constexpr base::Duration kFirstRetry{1000};
constexpr base::Duration kLastRetry{30000};

}  // namespace

class Probes::Target final : public DestinationOwner {
 public:
  Target(Probes& probes, std::uint16_t server) : probes_(probes), server_(server) {
    retry_.assign_timer<&Target::on_retry>(probes_.proxy_.loop(), this);
  }

  void ask() {
    if (connection_) return;
    retry_.disable();
    const auto& configuration = probes_.generation_->configuration;
    connection_ = std::make_unique<Destination>(probes_.proxy_.loop(), configuration.destination,
                                                std::string(probes_.proxy_.own_name()), *this);
    probes_.proxy_.call(*connection_, {.generation = probes_.generation_->number, .server = server_, .client = {}});
  }
  void learn(const Capabilities& capabilities) {
    known_ = capabilities;
    is_known_ = true;
    delay_ = kFirstRetry;
  }
  void stop() noexcept {
    retry_.disable();
    if (!connection_) return;
    connection_->leave();
    probes_.proxy_.forget(std::move(connection_));
  }
  [[nodiscard]] const Capabilities* known() const noexcept { return is_known_ ? &known_ : nullptr; }

 private:
  void on_destination_ready() override {
    probes_.learn(server_, connection_->capabilities());
    stop();
  }
  void on_destination_reply(Ask, const Reply&) override {}
  void on_destination_drained() override {}
  void on_destination_failed(Failure, std::string_view, std::string_view) override {
    probes_.proxy_.forget(std::move(connection_));
    // What it offered before stays promised: a server that is away for a moment has not changed.
    retry_.enable(delay_);
    delay_ = std::min(delay_ * 2, kLastRetry);
  }
  void on_retry(short) { ask(); }

  Probes& probes_;
  std::uint16_t server_;
  std::unique_ptr<Destination> connection_;
  wrap::Event retry_;
  base::Duration delay_ = kFirstRetry;
  Capabilities known_;
  bool is_known_ = false;
};

Probes::Probes(Proxy& proxy) noexcept : proxy_(proxy) {}

Probes::~Probes() = default;

void Probes::start(worker::GenerationPtr generation) {
  stop();
  generation_ = std::move(generation);
  const auto count = static_cast<std::uint16_t>(generation_->configuration.destination.servers.size());
  for (std::uint16_t server = 0; server < count; ++server) {
    targets_.push_back(std::make_unique<Target>(*this, server));
    targets_.back()->ask();
  }
  update_offered();
}

void Probes::stop() noexcept {
  for (const auto& target : targets_) target->stop();
  targets_.clear();
}

void Probes::probe(std::uint16_t server) {
  if (server < targets_.size()) targets_[server]->ask();
}

void Probes::learn(std::uint16_t server, const Capabilities& capabilities) {
  if (server >= targets_.size()) return;
  targets_[server]->learn(capabilities);
  update_offered();
}

void Probes::update_offered() {
  bool is_first = true;
  offered_ = {};
  for (const auto& target : targets_) {
    const Capabilities* known = target->known();
    if (known == nullptr) {
      offered_ = {};
      return;
    }
    offered_ = is_first ? *known : common(offered_, *known);
    is_first = false;
  }
}

}  // namespace caronte::smtpd_proxy
