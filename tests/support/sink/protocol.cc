#include "protocol.h"

#include <algorithm>
#include <cctype>

#include "base/address_parser.h"
#include "base/quoting.h"

namespace caronte::sink {

namespace {

constexpr std::size_t kLineLimit = 4096;

bool is_equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::toupper(x) == std::toupper(y); });
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Cuts the text in front of the first blank off `rest`, and the blanks behind it.
std::string_view take_word(std::string_view& rest) {
  const std::string_view word = rest.substr(0, rest.find(' '));
  rest.remove_prefix(word.size());
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  return word;
}

// "FROM:<path> parameters": path without its brackets, and the parameters. False: it is not of that form.
bool split_path(std::string_view argument, std::string_view keyword, std::string_view& path, std::string_view& parameters) {
  if (!is_equal_ignoring_case(argument.substr(0, keyword.size()), keyword)) return false;
  argument.remove_prefix(keyword.size());
  if (argument.empty() || argument.front() != '<') return false;
  bool is_quoted = false;
  for (std::size_t i = 1; i < argument.size(); ++i) {
    if (is_quoted && argument[i] == '\\') {
      ++i;
    } else if (argument[i] == '"') {
      is_quoted = !is_quoted;
    } else if (argument[i] == '>' && !is_quoted) {
      path = argument.substr(1, i - 1);
      parameters = argument.substr(i + 1);
      if (!parameters.empty() && parameters.front() != ' ') return false;
      parameters.remove_prefix(std::min(parameters.find_first_not_of(' '), parameters.size()));
      return true;
    }
  }
  return false;
}

}  // namespace

Protocol::Protocol(const Options& options, Storage& storage, std::string client) : options_(options), storage_(storage) {
  envelope_.client = std::move(client);
}

Protocol::~Protocol() {
  if (state_ == State::data) storage_.abandon();
}

void Protocol::feed(std::string_view input, std::string& out) {
  out_ = &out;
  while (!input.empty() && state_ != State::over) {
    input.remove_prefix(state_ == State::data ? feed_data(input, out) : feed_command(input, out));
  }
  out_ = nullptr;
}

std::size_t Protocol::feed_command(std::string_view input, std::string&) {
  const std::size_t end = input.find('\n');
  const std::size_t used = end == std::string_view::npos ? input.size() : end + 1;
  line_.append(input, 0, used);
  if (line_.size() > kLineLimit) {
    reply("500", "5.5.2", "line too long");
    state_ = State::over;
    return used;
  }
  if (end == std::string_view::npos) return used;
  const std::string line = std::exchange(line_, {});
  if (!line.ends_with("\r\n") || !base::is_safe_line(std::string_view(line).substr(0, line.size() - 2))) {
    reply("500", "5.5.2", "a bare line end or control character");
    return used;
  }
  on_command(std::string_view(line).substr(0, line.size() - 2), used == input.size());
  return used;
}

void Protocol::on_command(std::string_view line, bool is_last) {
  std::string_view argument = line;
  const std::string_view verb = take_word(argument);
  const auto is = [&](std::string_view name) { return is_equal_ignoring_case(verb, name); };
  if (!is_last && !options_.pipelining) {
    reply("503", "5.5.1", "pipelining was not offered");
    state_ = State::over;
  } else if (is("EHLO") && options_.ehlo) {
    on_helo(argument, true);
  } else if (is("HELO")) {
    on_helo(argument, false);
  } else if (is("MAIL")) {
    on_mail(argument);
  } else if (is("RCPT")) {
    on_rcpt(argument);
  } else if (is("DATA")) {
    on_data(is_last);
  } else if (is("RSET")) {
    reset();
    reply("250", "2.0.0", "Ok");
  } else if (is("NOOP")) {
    reply("250", "2.0.0", "Ok");
  } else if (is("VRFY")) {
    reply("252", "2.5.0", "send some mail, I'll try");
  } else if (is("QUIT")) {
    reply("221", "2.0.0", "Bye");
    state_ = State::over;
  } else {
    reply("500", "5.5.2", "command not known");
  }
}

void Protocol::on_helo(std::string_view argument, bool is_extended) {
  if (argument.empty()) return reply("501", "5.5.4", "a host name is missing");
  reset();
  envelope_.helo = argument;
  envelope_.protocol = is_extended ? "ESMTP" : "SMTP";
  std::vector<std::string> lines{options_.name};
  if (is_extended) {
    if (options_.pipelining) lines.emplace_back("PIPELINING");
    if (options_.size) lines.push_back("SIZE " + std::to_string(options_.size_limit));
    if (options_.eight_bit_mime) lines.emplace_back("8BITMIME");
    if (options_.smtputf8) lines.emplace_back("SMTPUTF8");
    if (options_.dsn) lines.emplace_back("DSN");
    if (options_.enhanced_status_codes) lines.emplace_back("ENHANCEDSTATUSCODES");
  }
  for (std::size_t i = 0; i < lines.size(); ++i) raw_reply((i + 1 < lines.size() ? "250-" : "250 ") + lines[i]);
}

void Protocol::on_mail(std::string_view argument) {
  std::string_view path;
  std::string_view parameters;
  if (envelope_.helo.empty()) return reply("503", "5.5.1", "EHLO first");
  if (has_sender_) return reply("503", "5.5.1", "nested MAIL");
  if (!split_path(argument, "FROM:", path, parameters)) return reply("501", "5.5.4", "MAIL FROM:<address>");
  reset();
  if (!check_parameters(parameters, true)) return;
  if (!is_utf8_ && !is_ascii(path)) return reply("553", "5.6.7", "SMTPUTF8 is needed");
  const auto rejected = options_.rejected_senders.find(std::string(path));
  if (rejected != options_.rejected_senders.end()) return raw_reply(rejected->second);
  has_sender_ = true;
  envelope_.sender = path;
  envelope_.sender_parameters = parameters;
  reply("250", "2.1.0", "Ok");
}

void Protocol::on_rcpt(std::string_view argument) {
  std::string_view path;
  std::string_view parameters;
  if (!has_sender_) return reply("503", "5.5.1", "MAIL first");
  if (!split_path(argument, "TO:", path, parameters) || path.empty()) return reply("501", "5.5.4", "RCPT TO:<address>");
  if (!check_parameters(parameters, false)) return;
  if (!is_utf8_ && !is_ascii(path)) return reply("553", "5.6.7", "SMTPUTF8 is needed");
  const auto rejected = options_.rejected_recipients.find(std::string(path));
  if (rejected != options_.rejected_recipients.end()) return raw_reply(rejected->second);
  if (envelope_.recipients.size() >= options_.recipient_limit) return reply("452", "4.5.3", "too many recipients");
  envelope_.recipients.push_back({std::string(path), std::string(parameters)});
  reply("250", "2.1.5", "Ok");
}

bool Protocol::check_parameters(std::string_view parameters, bool is_mail) {
  while (!parameters.empty()) {
    if (!check_parameter(take_word(parameters), is_mail)) return false;
  }
  return true;
}

bool Protocol::check_parameter(std::string_view parameter, bool is_mail) {
  const std::string_view name = parameter.substr(0, parameter.find('='));
  const std::string_view value = name.size() < parameter.size() ? parameter.substr(name.size() + 1) : std::string_view{};
  const auto is = [&](std::string_view other) { return is_equal_ignoring_case(name, other); };
  const bool is_extended = envelope_.protocol == "ESMTP";
  if (is_extended && is_mail && options_.size && is("SIZE")) {
    const auto size = base::parse_number(value, 99999999999999ULL);
    if (size && *size <= options_.size_limit) return true;
    if (size) reply("552", "5.3.4", "message too big");
    if (!size) reply("501", "5.5.4", "SIZE");
    return false;
  }
  if (is_extended && is_mail && options_.eight_bit_mime && is("BODY")) {
    if (is_equal_ignoring_case(value, "7BIT") || is_equal_ignoring_case(value, "8BITMIME")) return true;
    reply("501", "5.5.4", "BODY");
    return false;
  }
  if (is_extended && is_mail && options_.smtputf8 && is("SMTPUTF8") && name.size() == parameter.size()) {
    is_utf8_ = true;
    return true;
  }
  const bool is_dsn = is_mail ? is("RET") || is("ENVID") : is("NOTIFY") || is("ORCPT");
  if (is_extended && options_.dsn && is_dsn && !value.empty()) return true;
  reply("555", "5.5.4", "parameter not known or not offered");
  return false;
}

void Protocol::on_data(bool is_last) {
  if (envelope_.recipients.empty()) {
    return has_sender_ ? reply("554", "5.5.1", "no valid recipients") : reply("503", "5.5.1", "MAIL first");
  }
  if (!is_last) {
    reply("503", "5.5.1", "octets before the reply to DATA");
    state_ = State::over;
    return;
  }
  if (!options_.data_reply.empty()) return raw_reply(options_.data_reply);
  if (const base::Status status = storage_.begin(); !status) return reply("451", "4.3.0", status.error().text);
  decoder_ = {};
  state_ = State::data;
  raw_reply("354 End data with <CR><LF>.<CR><LF>");
}

std::size_t Protocol::feed_data(std::string_view input, std::string&) {
  decoded_.clear();
  const std::size_t used = decoder_.feed(input, decoded_);
  envelope_.size += decoded_.size();
  is_too_big_ = is_too_big_ || envelope_.size > options_.size_limit;
  if (!is_too_big_ && !has_failed_ && !storage_.append(decoded_)) has_failed_ = true;
  if (decoder_.is_over()) on_end_of_data();
  return used;
}

void Protocol::on_end_of_data() {
  state_ = State::command;
  envelope_.bare_line_ends = decoder_.bare_line_ends();
  if (is_too_big_ || has_failed_ || !options_.message_reply.empty()) {
    storage_.abandon();
    if (!options_.message_reply.empty()) {
      raw_reply(options_.message_reply);
    } else if (is_too_big_) {
      reply("552", "5.3.4", "message too big");
    } else {
      reply("451", "4.3.0", "could not be written");
    }
  } else if (const base::Result<std::string> name = storage_.commit(envelope_)) {
    reply("250", "2.0.0", "Ok: kept as " + name.value());
  } else {
    reply("451", "4.3.0", name.error().text);
  }
  reset();
}

void Protocol::reset() {
  envelope_.sender.clear();
  envelope_.sender_parameters.clear();
  envelope_.recipients.clear();
  envelope_.size = 0;
  envelope_.bare_line_ends = 0;
  has_sender_ = is_utf8_ = is_too_big_ = has_failed_ = false;
}

void Protocol::reply(std::string_view code, std::string_view status, std::string_view text) {
  std::string line(code);
  line += ' ';
  if (options_.enhanced_status_codes && envelope_.protocol == "ESMTP") line.append(status).append(" ");
  raw_reply(line.append(text));
}

void Protocol::raw_reply(std::string_view line) {
  out_->append(line).append("\r\n");
}

}  // namespace caronte::sink
