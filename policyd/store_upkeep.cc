#include "policyd/store_upkeep.h"

#include <system_error>
#include <utility>

namespace caronte::policyd {

bool StoreUpkeep::start() {
  if (thread_.joinable()) return true;
  is_stopping_ = false;
  try {
    thread_ = std::thread(&StoreUpkeep::run, this);
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void StoreUpkeep::stop() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    environment_ = nullptr;
  }
  wake_.notify_one();
  thread_.join();
}

void StoreUpkeep::look_after(wrap::BdbEnvironment* environment) {
  const std::lock_guard lock(mutex_);
  environment_ = environment;
  checkpoint_ = base::system_clock().monotonic();
}

void StoreUpkeep::reopen(std::unique_ptr<StoreFiles> old, bool is_suspect) {
  {
    const std::lock_guard lock(mutex_);
    environment_ = nullptr;
    job_.emplace(Job{std::move(old), is_suspect});
  }
  wake_.notify_one();
}

StoreUpkeep::Report StoreUpkeep::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(report_, {});
}

void StoreUpkeep::run() {
  std::unique_lock lock(mutex_);
  while (!is_stopping_) {
    if (job_) {
      do_job(lock);
    } else {
      wake_.wait_for(lock, kFlushTime, [this] { return is_stopping_ || job_.has_value(); });
      if (!is_stopping_ && !job_ && environment_ != nullptr) look_now(lock);
    }
  }
}

void StoreUpkeep::reopen_now() {
  std::unique_lock lock(mutex_);
  if (!thread_.joinable() && job_) do_job(lock);
}

void StoreUpkeep::do_job(std::unique_lock<std::mutex>& lock) {
  Job job = std::move(*job_);
  job_.reset();
  lock.unlock();
  job.old.reset();
  std::vector<std::string> events;
  auto opened = folder_.open(job.is_suspect, events);
  lock.lock();
  report_.reopened.emplace(std::move(opened));
  report_.trouble.reset();  // of the one before
  report_.events.insert(report_.events.end(), events.begin(), events.end());
}

// The environment stays open meanwhile: only this thread closes what was handed to it, and stop() waits.
void StoreUpkeep::look_now(std::unique_lock<std::mutex>& lock) {
  wrap::BdbEnvironment& environment = *environment_;
  const base::MonotonicTime now = base::system_clock().monotonic();
  const bool is_due = now - checkpoint_ >= kCheckpointTime;
  lock.unlock();
  auto status = environment.flush();
  if (status) status = environment.checkpoint(is_due ? 0 : kCheckpointLogBytes);
  lock.lock();
  if (!status) {
    report_.trouble = status.error();
  } else if (is_due) {
    checkpoint_ = now;
  }
}

}  // namespace caronte::policyd
