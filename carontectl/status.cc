#include "carontectl/status.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>

#include "base/address_parser.h"
#include "base/quoting.h"

namespace caronte::carontectl {

namespace {

// Three of them in a row stay below the 2 s that are promised.
constexpr base::Duration kPatience{600};

std::string show(std::string_view text) {
  return base::quote_visible(text);
}

void pad(std::string& line, std::string_view text, std::size_t width) {
  line += text;
  line.append(width > text.size() ? width - text.size() : 0, ' ');
}

using Values = std::map<std::string, std::string>;
// Subjects in the order in which they came.
using Subjects = std::vector<std::pair<std::string, Values>>;

Values& values_of(Subjects& subjects, const std::string& subject) {
  for (auto& [name, values] : subjects) {
    if (name == subject) return values;
  }
  return subjects.emplace_back(subject, Values{}).second;
}

std::string seconds_text(const std::string& value) {
  const auto seconds = base::parse_number(value, ~0ULL);
  return seconds ? duration_text(*seconds) : value;
}

std::string process_table(const Subjects& processes) {
  static constexpr std::array<std::pair<const char*, std::size_t>, 5> kColumns{
      {{"process", 18}, {"state", 12}, {"pid", 9}, {"uptime", 12}, {"restarts", 0}}};
  std::string table;
  for (const auto& [name, width] : kColumns) pad(table, name, width);
  table += '\n';
  for (const auto& [subject, values] : processes) {
    for (const auto& [name, width] : kColumns) {
      const auto found = values.find(name);
      const std::string value = found == values.end() ? "-" : found->second;
      pad(table,
          std::string_view(name) == "process"  ? show(subject)
          : std::string_view(name) == "uptime" ? seconds_text(value)
                                               : show(value),
          width);
    }
    table += '\n';
  }
  return table;
}

}  // namespace

std::string duration_text(std::uint64_t seconds) {
  const auto two = [](std::uint64_t a, const char* unit, std::uint64_t b, const char* part) {
    return std::to_string(a) + unit + ' ' + std::to_string(b) + part;
  };
  if (seconds >= 86400) return two(seconds / 86400, "d", seconds % 86400 / 3600, "h");
  if (seconds >= 3600) return two(seconds / 3600, "h", seconds % 3600 / 60, "m");
  if (seconds >= 60) return two(seconds / 60, "m", seconds % 60, "s");
  return std::to_string(seconds) + "s";
}

std::string render_status(const std::vector<ipc::StatusItem>& items) {
  Subjects processes;
  std::vector<std::string> sections;
  for (const auto& item : items) {
    const std::string& section = item.section.str();
    if (section == "process") values_of(processes, item.subject.str())[item.name.str()] = item.value.str();
    if (std::find(sections.begin(), sections.end(), section) == sections.end()) sections.push_back(section);
  }
  std::string text;
  for (const std::string& section : sections) {
    if (!text.empty()) text += '\n';
    if (section == "process") {
      text += process_table(processes);
      continue;
    }
    text += show(section) + '\n';
    for (const auto& item : items) {
      if (item.section.str() != section) continue;
      std::string line = "  ";
      // Of a listener the endpoint is what matters, of counters the name.
      pad(line, section == "listener" ? show(item.subject) : show(item.name), 28);
      const bool is_seconds = item.name.str() == "uptime" || item.name.str() == "seconds";
      text += line + (is_seconds ? seconds_text(item.value.str()) : show(item.value)) + '\n';
    }
  }
  return text;
}

int status(const std::string& run_folder, bool is_plain) {
  const StatusAnswer master = ask_status(run_folder, ipc::Role::master, kPatience);
  if (!master.is_complete()) return report_unreachable(run_folder, master.error);
  std::vector<ipc::StatusItem> items = master.items;
  bool is_healthy = master.is_healthy;
  std::string faults = is_healthy ? "" : "caronted reports a fault\n";
  for (const ipc::Role role : {ipc::Role::policyd, ipc::Role::logd}) {
    const std::string name(ipc::name_of(role));
    const bool is_expected = std::any_of(items.begin(), items.end(), [&](const ipc::StatusItem& item) {
      return item.section.str() == "process" && item.subject.str().starts_with(name);
    });
    if (!is_expected) continue;  // without <log> there is no logd
    const StatusAnswer answer = ask_status(run_folder, role, kPatience);
    items.insert(items.end(), answer.items.begin(), answer.items.end());
    if (!answer.is_complete()) faults += name + " does not answer\n";
    if (answer.is_complete() && !answer.is_healthy) faults += name + " reports a fault\n";
    is_healthy = is_healthy && answer.is_complete() && answer.is_healthy;
  }
  if (is_plain) {
    for (const auto& item : items) {
      std::printf("%s\t%s\t%s\t%s\n", show(item.section).c_str(), show(item.subject).c_str(), show(item.name).c_str(),
                  show(item.value).c_str());
    }
  } else {
    std::fputs(render_status(items).c_str(), stdout);
  }
  std::fflush(stdout);
  std::fputs(faults.c_str(), stderr);
  return is_healthy ? kHealthy : kDegraded;
}

}  // namespace caronte::carontectl
