#include "wrap/bdb.h"

#include <db.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>

namespace caronte::wrap {

namespace {

constexpr std::array kTroubles{ENOSPC, EDQUOT, EFBIG, EROFS, EIO, ENOMEM, EMFILE, ENFILE, EAGAIN, EBUSY};

base::Error error_of(int code, std::string_view what) {
  return {code, std::string(what) + ": " + ::db_strerror(code)};
}

base::Status status_of(int code, std::string_view what) {
  if (code != 0) return error_of(code, what);
  return base::Done{};
}

DBT view_of(std::string_view bytes) {
  DBT view{};
  view.data = const_cast<char*>(bytes.data());  // only read
  view.size = static_cast<u_int32_t>(bytes.size());
  view.ulen = view.size;
  view.flags = DB_DBT_USERMEM;
  return view;
}

// What the library allocates for an answer.
class Answer {
 public:
  Answer() noexcept { dbt.flags = DB_DBT_REALLOC; }
  ~Answer() { std::free(dbt.data); }
  Answer(const Answer&) = delete;
  Answer& operator=(const Answer&) = delete;
  [[nodiscard]] std::string_view text() const noexcept { return {static_cast<const char*>(dbt.data), dbt.size}; }
  void set(std::string_view text) {
    if (text.empty()) return;
    dbt.data = std::realloc(dbt.data, text.size());
    if (dbt.data == nullptr) std::abort();
    dbt.size = static_cast<u_int32_t>(text.copy(static_cast<char*>(dbt.data), text.size()));
  }
  DBT dbt{};
};

// The library waits 2, 4 and 6 seconds when a file cannot be made for want of space: its caller knows better what to do.
int yield_shortly(unsigned long seconds, unsigned long microseconds) {
  if (seconds == 0) std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
  return 0;
}

}  // namespace

bool is_disk_trouble(const base::Error& error) noexcept {
  return std::find(kTroubles.begin(), kTroubles.end(), error.code) != kTroubles.end();
}

// ------------------------------------------------------------------------------------------------------------ environment

base::Result<std::unique_ptr<BdbEnvironment>> BdbEnvironment::open(const BdbOptions& options) {
  (void)::db_env_set_func_yield(&yield_shortly);
  std::unique_ptr<BdbEnvironment> environment(new BdbEnvironment);
  if (const int code = ::db_env_create(&environment->handle_, 0); code != 0) {
    environment->handle_ = nullptr;
    return error_of(code, "store");
  }
  DB_ENV* handle = environment->handle_;
  environment->listen();
  const u_int32_t flags = DB_CREATE | DB_INIT_MPOOL | DB_INIT_LOG | DB_INIT_TXN | DB_PRIVATE | DB_RECOVER | DB_THREAD;
  int code = handle->set_cachesize(handle, 0, options.cache_bytes, 1);
  if (code == 0) code = handle->set_lg_max(handle, options.log_file_bytes);
  if (code == 0) code = handle->set_lg_bsize(handle, options.log_buffer_bytes);
  if (code == 0) code = handle->log_set_config(handle, DB_LOG_AUTO_REMOVE, 1);
  if (code == 0) code = handle->set_flags(handle, DB_TXN_WRITE_NOSYNC, 1);
  if (code == 0) code = handle->set_tmp_dir(handle, ".");
  if (code == 0) code = handle->open(handle, options.home.c_str(), flags, 0600);
  if (code != 0) return environment->explain(error_of(code, "store"));
  return environment;
}

void BdbEnvironment::listen() noexcept {
  handle_->app_private = this;
  handle_->set_errcall(handle_, [](const DB_ENV* handle, const char*, const char* text) {
    static_cast<BdbEnvironment*>(handle->app_private)->hear(text);
  });
  handle_->set_msgcall(handle_, [](const DB_ENV*, const char*) {});
  // Fails only for arguments that are not ours.
  (void)handle_->set_event_notify(handle_, [](DB_ENV* handle, u_int32_t event, void*) {
    if (event == DB_EVENT_PANIC) static_cast<BdbEnvironment*>(handle->app_private)->is_lost_ = true;
  });
}

void BdbEnvironment::hear(const char* text) noexcept {
  const std::lock_guard lock(words_mutex_);
  // The first words name the cause, what follows are the consequences.
  if (words_.count++ == 0) words_.text.assign(text);
  const std::string_view said(text);
  for (const int trouble : kTroubles) {
    if (cause_ == 0 && said.ends_with(::db_strerror(trouble))) cause_ = trouble;
  }
}

base::Error BdbEnvironment::explain(base::Error error) {
  const std::lock_guard lock(words_mutex_);
  if (is_disk_trouble(error) || cause_ == 0) return error;
  return {cause_, error.text + " (" + ::db_strerror(cause_) + ")"};
}

BdbEnvironment::Words BdbEnvironment::take_words() {
  const std::lock_guard lock(words_mutex_);
  return std::exchange(words_, {});
}

BdbEnvironment::~BdbEnvironment() {
  if (handle_ != nullptr) (void)handle_->close(handle_, 0);
}

base::Status BdbEnvironment::flush() {
  return status_of(handle_->log_flush(handle_, nullptr), "flush");
}

base::Status BdbEnvironment::checkpoint(std::uint32_t log_bytes) {
  return status_of(handle_->txn_checkpoint(handle_, log_bytes / 1024, 0, 0), "checkpoint");
}

// ------------------------------------------------------------------------------------------------------------ transaction

base::Result<BdbTransaction> BdbTransaction::begin(BdbEnvironment& environment) {
  DB_TXN* handle = nullptr;
  const int code = environment.handle_->txn_begin(environment.handle_, nullptr, &handle, 0);
  if (code != 0) return error_of(code, "begin");
  return BdbTransaction(handle);
}

BdbTransaction::~BdbTransaction() {
  if (handle_ != nullptr) (void)handle_->abort(handle_);
}

base::Status BdbTransaction::commit() {
  DB_TXN* handle = std::exchange(handle_, nullptr);
  return status_of(handle->commit(handle, 0), "commit");
}

// ------------------------------------------------------------------------------------------------------------------ table

base::Result<BdbTable> BdbTable::open(BdbEnvironment& environment, const std::string& name) {
  DB* handle = nullptr;
  if (const int code = ::db_create(&handle, environment.handle_, 0); code != 0) return error_of(code, name);
  BdbTable table(handle);
  int code = handle->set_flags(handle, DB_CHKSUM);
  if (code == 0) {
    code = handle->open(handle, nullptr, name.c_str(), nullptr, DB_BTREE, DB_CREATE | DB_AUTO_COMMIT | DB_THREAD, 0600);
  }
  if (code != 0) return error_of(code, name);
  return table;
}

base::Result<BdbTable> BdbTable::open_remains(const std::string& path) {
  DB* handle = nullptr;
  if (const int code = ::db_create(&handle, nullptr, 0); code != 0) return error_of(code, path);
  BdbTable table(handle);
  handle->set_errcall(handle, [](const DB_ENV*, const char*, const char*) {});
  if (const int code = handle->open(handle, nullptr, path.c_str(), nullptr, DB_BTREE, DB_RDONLY, 0); code != 0) {
    return error_of(code, path);
  }
  return table;
}

BdbTable::~BdbTable() {
  // Pages are written by checkpoints, and by the recovery of the next start.
  if (handle_ != nullptr) (void)handle_->close(handle_, DB_NOSYNC);
}

base::Result<std::optional<std::string>> BdbTable::get(std::string_view key) {
  DBT wanted = view_of(key);
  Answer value;
  const int code = handle_->get(handle_, nullptr, &wanted, &value.dbt, 0);
  if (code == DB_NOTFOUND) return std::optional<std::string>();
  if (code != 0) return error_of(code, "get");
  return std::optional<std::string>(value.text());
}

base::Result<bool> BdbTable::has(std::string_view key) {
  DBT wanted = view_of(key);
  const int code = handle_->exists(handle_, nullptr, &wanted, 0);
  if (code != 0 && code != DB_NOTFOUND) return error_of(code, "exists");
  return code == 0;
}

base::Status BdbTable::put(std::string_view key, std::string_view value, BdbTransaction* transaction) {
  DBT key_view = view_of(key);
  DBT value_view = view_of(value);
  DB_TXN* within = transaction == nullptr ? nullptr : transaction->handle_;
  return status_of(handle_->put(handle_, within, &key_view, &value_view, 0), "put");
}

base::Status BdbTable::erase(std::string_view key, BdbTransaction* transaction) {
  DBT key_view = view_of(key);
  DB_TXN* within = transaction == nullptr ? nullptr : transaction->handle_;
  const int code = handle_->del(handle_, within, &key_view, 0);
  return status_of(code == DB_NOTFOUND ? 0 : code, "delete");
}

base::Status BdbTable::clear() {
  u_int32_t count = 0;
  return status_of(handle_->truncate(handle_, nullptr, &count, 0), "truncate");
}

base::Result<std::vector<BdbTable::Entry>> BdbTable::read(std::string_view from, std::size_t count) {
  std::vector<Entry> entries;
  DBC* cursor = nullptr;
  int code = handle_->cursor(handle_, nullptr, &cursor, 0);
  if (code != 0) return error_of(code, "cursor");
  Answer key;
  Answer value;
  key.set(from);
  for (u_int32_t move = DB_SET_RANGE; code == 0 && entries.size() < count; move = DB_NEXT) {
    code = cursor->get(cursor, &key.dbt, &value.dbt, move);
    if (code == 0) entries.emplace_back(key.text(), value.text());
  }
  const int closed = cursor->close(cursor);
  if (code == 0) code = closed;
  if (code != 0 && code != DB_NOTFOUND) return error_of(code, "cursor");
  return entries;
}

}  // namespace caronte::wrap
