// libevent as loop and timers; the only pair of files that includes it. Handlers are plain member functions, reached
// through noexcept trampolines: an exception in a handler ends the process instead of crossing C frames.
// Byte streams are read and written by their owners; no bufferevents.
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include <chrono>
#include <vector>

#include "base/clock.h"

namespace caronte::wrap {

class Deferred;

class EventLoop {
 public:
  EventLoop();  // aborts when the kernel refuses an epoll descriptor
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Turns until stop(). After every turn the deferred calls of that turn are made.
  void run();
  // One turn: waits for at least one event when `block`, else only takes what is ready.
  void turn(bool block);
  void stop() noexcept { stopped_ = true; }

  // For libraries that bring their own libevent glue (libunbound).
  [[nodiscard]] event_base* native() const noexcept { return base_; }

 private:
  friend class Deferred;
  void run_deferred();
  event_base* base_;
  std::vector<Deferred*> deferred_;
  std::vector<Deferred*> running_;
  bool stopped_ = false;
};

// A call at the end of the current turn of the loop, at most once however often it is scheduled.
class Deferred {
 public:
  explicit Deferred(EventLoop& loop) noexcept : loop_(&loop) {}
  ~Deferred() { cancel(); }
  Deferred(const Deferred&) = delete;
  Deferred& operator=(const Deferred&) = delete;

  template <auto Method, class Owner>
  void bind(Owner* owner) noexcept {
    owner_ = owner;
    call_ = [](void* self) noexcept { (static_cast<Owner*>(self)->*Method)(); };
  }
  void schedule();
  void cancel() noexcept;

 private:
  friend class EventLoop;
  EventLoop* loop_;
  void* owner_ = nullptr;
  void (*call_)(void*) noexcept = nullptr;
  bool is_scheduled_ = false;
};

// One registration with the loop: readiness of a descriptor (with an optional idle time-out), a timer or a signal.
// The owner outlives it; destroying it ends the registration. Must not move once assigned.
class Event {
 public:
  Event() noexcept = default;
  ~Event() { disable(); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  // Method is `void (Owner::*)(short what)`: what holds EV_READ, EV_WRITE, EV_TIMEOUT or EV_SIGNAL.
  template <auto Method, class Owner>
  void assign_readable(EventLoop& loop, int fd, Owner* owner) noexcept {
    assign(loop, fd, EV_READ | EV_PERSIST, &trampoline<Method, Owner>, owner);
  }
  template <auto Method, class Owner>
  void assign_writable(EventLoop& loop, int fd, Owner* owner) noexcept {
    assign(loop, fd, EV_WRITE | EV_PERSIST, &trampoline<Method, Owner>, owner);
  }
  // Wakes once each time octets come, and when the peer closes or breaks the connection; nothing has to be read. No other
  // event of the descriptor may be enabled beside it.
  template <auto Method, class Owner>
  void assign_watch(EventLoop& loop, int fd, Owner* owner) noexcept {
    assign(loop, fd, EV_READ | EV_ET | EV_PERSIST, &trampoline<Method, Owner>, owner);
  }
  template <auto Method, class Owner>
  void assign_timer(EventLoop& loop, Owner* owner) noexcept {
    assign(loop, -1, 0, &trampoline<Method, Owner>, owner);
  }
  template <auto Method, class Owner>
  void assign_signal(EventLoop& loop, int number, Owner* owner) noexcept {
    assign(loop, number, EV_SIGNAL | EV_PERSIST, &trampoline<Method, Owner>, owner);
  }

  // Waits without a time-out.
  void enable() noexcept;
  // With a time-out; for a descriptor it starts anew after each event. Calling it again restarts the time.
  void enable(base::Duration timeout) noexcept;
  void disable() noexcept;
  [[nodiscard]] bool is_assigned() const noexcept { return is_assigned_; }
  [[nodiscard]] bool is_enabled() const noexcept { return is_enabled_; }

 private:
  template <auto Method, class Owner>
  static void trampoline(evutil_socket_t, short what, void* owner) noexcept {
    (static_cast<Owner*>(owner)->*Method)(what);
  }
  void assign(EventLoop& loop, int fd, short what, event_callback_fn call, void* owner) noexcept;

  struct event event_ {};
  bool is_assigned_ = false;
  bool is_enabled_ = false;  // as last asked for; a timer that has fired may be enabled again at once
};

}  // namespace caronte::wrap
