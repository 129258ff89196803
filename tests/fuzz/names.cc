// Names: a table whose writer was taken over, a domain's list of recipients, and a list that an administrator edits.
#include <algorithm>
#include <cstring>

#include "carontectl/list_text.h"
#include "config/local_domains.h"
#include "config/name_list.h"
#include "config/recipients_parser.h"
#include "tests/fuzz/fuzz.h"

namespace caronte::fuzz {

namespace {

using namespace config;
using carontectl::ListText;

// Any octets in place of the slots and the text: finding ends, within the table.
void check_hostile_table(Input& input) {
  const std::string wanted(input.take(input.octet() % 16U));
  NamesHeader header;
  header.names = input.octet() % 16U;
  const std::string_view rest = input.rest();
  const std::size_t slots = header.names * sizeof(NameSlot);
  header.text_size = static_cast<std::uint32_t>(rest.size() < slots ? rest.size() : rest.size() - slots);
  std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
  bytes += rest;
  (void)MappedNames::map_joined(seal_bytes("caronte-fuzz", rest).value().get());
  const Exact exact(bytes);
  const auto view = NameListView::over(exact.view());
  CARONTE_EXPECT(view.is_ok() == (rest.size() >= slots));
  if (!view.is_ok()) return;
  (void)view.value().find(wanted);
  for (std::size_t i = 0; i < view.value().size(); ++i) CARONTE_EXPECT(view.value().at(i).text.size() <= header.text_size);
}

// What is in the table is found in its domain, in any case; and no more than the list has lines.
void check_recipients(std::string_view text) {
  const ParsedRecipients list = parse_recipient_list(text, "example.org");
  const auto lines = static_cast<std::uint32_t>(std::count(text.begin(), text.end(), '\n') + 1);
  CARONTE_EXPECT(list.entries <= lines && list.problems.size() <= kMaxListErrors + 1);
  bool is_refused = false;
  for (const ListProblem& problem : list.problems) {
    CARONTE_EXPECT(problem.line <= lines);
    is_refused = is_refused || !problem.is_warning;
  }
  CARONTE_EXPECT(is_refused == list.table.empty());
  if (is_refused) return;
  const auto memory = seal_bytes("caronte-fuzz", list.table);
  const auto names = MappedNames::map(memory.value().get());
  CARONTE_EXPECT(names.is_ok() && names.value().names().size() <= list.entries);
  Domain domain;
  domain.name = "example.org";
  domain.has_recipients = true;
  const LocalDomains local({domain}, {names.value()});
  for (std::size_t i = 0; i < names.value().names().size(); ++i) {
    const Name name = names.value().names().at(i);
    CARONTE_EXPECT(!name.text.empty() && name.text.size() <= 64 && name.line > 0 && name.line <= lines);
    CARONTE_EXPECT(names.value().names().find(name.text) == name.line);
    std::string quoted = "\"";
    for (const char c : name.text) quoted.append("\\").append(1, c);
    CARONTE_EXPECT(local.is_recipient(quoted + "\"@Example.ORG.") == true);
  }
}

// Whatever is done to a list, its other lines stay, and what is added is no reason to refuse it.
void check_editing(Input& input) {
  const auto host_names = (input.octet() & 1U) != 0 ? HostNames::taken : HostNames::refused;
  const std::string entry(input.until('\n'));
  const std::string text(input.rest());
  ListText list(text, host_names);
  const std::string before = list.text();
  CARONTE_EXPECT(before == text || before == text + "\n");
  const auto errors = [](const ListText& one) {
    const auto all = one.problems();
    return std::count_if(all.begin(), all.end(), [](const ListProblem& problem) { return !problem.is_warning; });
  };
  const auto errors_before = errors(list);
  const std::size_t entries_before = list.entries().size();
  if (!list.add(entry).is_ok()) {
    CARONTE_EXPECT(list.text() == before);
  } else {
    CARONTE_EXPECT(list.entries().size() == entries_before + 1 && list.text().starts_with(before));
    if (errors_before == 0) CARONTE_EXPECT(errors(list) == 0);
    CARONTE_EXPECT(!list.add(entry).is_ok());
    if (entries_before > 0) {
      CARONTE_EXPECT(list.move(entry, ListText::To{1}).is_ok() && !list.move(entry, ListText::Up{}).is_ok());
      CARONTE_EXPECT(list.move(entry, ListText::Down{}).is_ok() && list.entries().size() == entries_before + 1);
    }
  }
  if (list.remove(entry).is_ok()) CARONTE_EXPECT(!list.remove(entry).is_ok() && !list.move(entry, ListText::Up{}).is_ok());
}

}  // namespace

void run_names(std::string_view bytes) {
  Input input(bytes);
  const unsigned kind = input.octet() % 3U;
  if (kind == 0) return check_hostile_table(input);
  if (kind == 1) {
    const Exact text(input.rest());
    return check_recipients(text.view());
  }
  check_editing(input);
}

}  // namespace caronte::fuzz
