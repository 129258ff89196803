#include "wrap/event.h"

#include <algorithm>
#include <cstdlib>

namespace caronte::wrap {

namespace {

event_base* make_base() {
  event_config* config = event_config_new();
  if (config == nullptr) std::abort();
  event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
  event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
  event_base* base = event_base_new_with_config(config);
  event_config_free(config);
  if (base == nullptr) std::abort();
  return base;
}

}  // namespace

EventLoop::EventLoop() : base_(make_base()) {}

EventLoop::~EventLoop() {
  event_base_free(base_);
}

void EventLoop::run() {
  stopped_ = false;
  while (!stopped_) turn(true);
}

void EventLoop::turn(bool block) {
  run_deferred();  // what was scheduled before the loop began
  event_base_loop(base_, block && deferred_.empty() ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
  run_deferred();
}

void EventLoop::run_deferred() {
  // What is scheduled meanwhile waits for the next turn, so that no call can keep the loop here.
  running_.swap(deferred_);
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Deferred* call = running_[i];
    if (call == nullptr) continue;
    call->is_scheduled_ = false;
    running_[i] = nullptr;
    call->call_(call->owner_);
  }
  running_.clear();
}

void Deferred::schedule() {
  if (is_scheduled_) return;
  is_scheduled_ = true;
  loop_->deferred_.push_back(this);
}

void Deferred::cancel() noexcept {
  if (!is_scheduled_) return;
  is_scheduled_ = false;
  std::erase(loop_->deferred_, this);
  std::replace(loop_->running_.begin(), loop_->running_.end(), this, static_cast<Deferred*>(nullptr));
}

void Event::assign(EventLoop& loop, int fd, short what, event_callback_fn call, void* owner) noexcept {
  disable();
  if (event_assign(&event_, loop.native(), fd, what, call, owner) != 0) std::abort();
  is_assigned_ = true;
}

void Event::enable() noexcept {
  is_enabled_ = true;
  if (event_add(&event_, nullptr) != 0) std::abort();
}

void Event::enable(base::Duration timeout) noexcept {
  is_enabled_ = true;
  const auto count = std::max<std::int64_t>(timeout.count(), 0);
  timeval tv{};
  tv.tv_sec = static_cast<decltype(tv.tv_sec)>(count / 1000);
  tv.tv_usec = static_cast<decltype(tv.tv_usec)>(count % 1000 * 1000);
  if (event_add(&event_, &tv) != 0) std::abort();
}

void Event::disable() noexcept {
  if (!is_enabled_) return;
  is_enabled_ = false;
  event_del(&event_);
}

}  // namespace caronte::wrap
