#include "carontectl/list_command.h"

#include <sysexits.h>

#include <cerrno>
#include <cstdio>
#include <optional>
#include <span>
#include <string_view>

#include "base/address_parser.h"
#include "base/quoting.h"
#include "carontectl/control_client.h"
#include "carontectl/list_file.h"
#include "carontectl/list_text.h"
#include "config/configuration.h"

namespace caronte::carontectl {

namespace {

constexpr base::Duration kPatience{2000};

int usage() {
  std::fputs(
      "usage: carontectl list trusted|relay|white|hell show\n"
      "       carontectl list trusted|relay|white|hell add ENTRY ...\n"
      "       carontectl list trusted|relay|white|hell remove ENTRY ...\n"
      "       carontectl list trusted|relay|white|hell move ENTRY up|down|to PLACE\n",
      stderr);
  return EX_USAGE;
}

int complain(const std::string& text, int code = kDegraded) {
  std::fprintf(stderr, "carontectl: %s\n", text.c_str());
  return code;
}

std::optional<config::ListId> list_by_name(std::string_view name) {
  for (unsigned i = 0; i < static_cast<unsigned>(config::ListId::kCount); ++i) {
    const auto id = static_cast<config::ListId>(i);
    if (config::name_of(id) == name) return id;
  }
  return std::nullopt;
}

// Where the list is. An exit code, with the reason told, in its stead.
std::variant<std::string, int> ask_for_file(const std::string& run_folder, std::string_view list) {
  auto client = ControlClient::connect(run_folder, ipc::Role::master, kPatience);
  if (!client) return report_unreachable(run_folder, client.error());
  if (auto sent = client.value().send(ipc::ListFolderRequest{list}); !sent) return report_unreachable(run_folder, sent.error());
  const auto incoming = client.value().next();
  if (!incoming) return report_unreachable(run_folder, incoming.error());
  ipc::ListFolderAnswer answer;
  if (incoming.value().type != answer.kType || !ipc::decode(incoming.value().body, answer)) {
    return report_unreachable(run_folder, {EPROTO, "an answer that is none"});
  }
  if (answer.file.empty()) return complain("the configuration has no list \"" + std::string(list) + "\"");
  return answer.file.str();
}

int show(const ListText& list) {
  for (const ListText::Entry& entry : list.entries()) {
    std::printf("%5u  %s", entry.line, base::quote_visible(entry.text).c_str());
    if (!entry.comment.empty()) std::printf("  # %s", base::quote_visible(entry.comment).c_str());
    std::putchar('\n');
  }
  return std::fflush(stdout) != 0 ? EX_IOERR : kHealthy;
}

// The changes that the words ask for. An exit code when one of them cannot be made; then nothing is saved.
std::optional<int> change(ListText& list, std::string_view action, std::span<char*> words) {
  if (action == "move") {
    ListText::Move move = ListText::Up{};
    const std::string_view where = words[1];
    if (where == "down") move = ListText::Down{};
    if (where == "to") {
      const auto place = base::parse_number(words[2], 0xFFFF'FFFF);
      if (!place || *place == 0) return usage();
      move = ListText::To{static_cast<std::size_t>(*place)};
    }
    if (auto status = list.move(words[0], move); !status) return complain(status.error().text);
    return std::nullopt;
  }
  for (const char* word : words) {
    if (action == "add") {
      const auto added = list.add(word);
      if (!added) return complain(added.error().text);
      if (!added.value().empty()) (void)complain(base::quote_visible(word, 200) + ": " + added.value());
    } else if (auto status = list.remove(word); !status) {
      return complain(status.error().text);
    }
  }
  return std::nullopt;
}

// What was wrong before the change is not made worse, but not saved either: the gateway would refuse the list.
bool is_sound(const ListText& list, const std::string& path) {
  bool is_sound = true;
  for (const config::ListProblem& problem : list.problems()) {
    if (problem.is_warning) continue;
    is_sound = false;
    (void)complain(path + ":" + std::to_string(problem.line) + ": " + problem.text);
  }
  return is_sound;
}

bool are_words_right(std::string_view action, std::span<char*> words) {
  if (action == "show") return words.empty();
  if (action == "add" || action == "remove") return !words.empty();
  if (action != "move" || words.size() < 2) return false;
  const std::string_view where = words[1];
  return where == "to" ? words.size() == 3 : words.size() == 2 && (where == "up" || where == "down");
}

}  // namespace

int run_list(int argc, char** argv, const std::string& run_folder) {
  if (argc < 3) return usage();
  const std::string_view name = argv[1];
  const std::string_view action = argv[2];
  const std::span<char*> words(argv + 3, static_cast<std::size_t>(argc - 3));
  const auto id = list_by_name(name);
  if (!id || !are_words_right(action, words)) return usage();
  const auto place = ask_for_file(run_folder, name);
  if (const int* code = std::get_if<int>(&place)) return *code;
  const auto& path = std::get<std::string>(place);
  const auto file = ListFile::open(path);
  if (!file) {
    const bool is_busy = file.error().code == EAGAIN;
    return complain(is_busy ? path + ": somebody else is changing it" : file.error().text, is_busy ? kDegraded : EX_NOINPUT);
  }
  ListText list(file.value().text(), config::takes_host_names(*id) ? config::HostNames::taken : config::HostNames::refused);
  if (action == "show") return show(list);
  if (const auto code = change(list, action, words)) return *code;
  if (!is_sound(list, path)) return complain("nothing was saved");
  if (auto status = file.value().save(list.text()); !status) {
    return complain(status.error().text, status.error().code == ESTALE ? kDegraded : EX_CANTCREAT);
  }
  std::printf("%s is saved\n", path.c_str());
  std::fflush(stdout);
  return reload(run_folder);
}

}  // namespace caronte::carontectl
