#include "config/reader.h"

#include <algorithm>

#include "base/quoting.h"
#include "config/checks.h"
#include "config/findings.h"
#include "config/name_list.h"
#include "config/resolv_conf_parser.h"
#include "config/settings.h"
#include "config/value_parser.h"
#include "wrap/xml.h"

namespace caronte::config {

void Findings::add(std::string_view file, ipc::Severity severity, std::uint32_t line, std::string_view where,
                   std::string_view text) {
  const bool is_first_error = severity == ipc::Severity::error && !has_errors_;
  if (severity == ipc::Severity::error) has_errors_ = true;
  const ipc::Diagnostic finding{severity, file, line, where, text};
  if (all_.size() + 1 < kMaxDiagnostics) {
    all_.push_back(finding);
  } else if (all_.size() < kMaxDiagnostics) {
    all_.push_back(is_first_error ? finding : ipc::Diagnostic{severity, file_, 0, "", "there is more; mend these first"});
  } else if (is_first_error) {
    all_.back() = finding;  // whoever is refused is told why, however many warnings there were
  }
}

namespace {

using wrap::XmlAttribute;
using wrap::XmlElement;

std::string quoted(std::string_view name) {
  return base::quote_visible(name, 80);
}

// "destination" and "server" to "destination/server"; children of the root stand alone.
std::string path_of(std::string_view parent, std::string_view name) {
  return parent.empty() ? std::string(name) : std::string(parent) + "/" + std::string(name);
}

std::string_view parent_of(std::string_view path) noexcept {
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

class Reading {
 public:
  Reading(const Surroundings& surroundings, ListSource& lists)
      : surroundings_(surroundings), list_source_(lists), findings_(surroundings.file) {}

  ReadResult run(std::string_view xml) {
    configuration_.file = surroundings_.file;
    configuration_.setting_lines.assign(settings().size(), 0);
    wrap::XmlDocument document;
    if (xml.size() > kMaxXmlBytes) {
      findings_.error(0, "", "larger than 1M");
    } else if (!document.parse(xml)) {
      findings_.error(document.problem().line, "", document.problem().text);
    } else if (document.root().name() != "caronte") {
      findings_.error(document.root().line(), quoted(document.root().name()), "the root element must be caronte");
    } else {
      read_root(document.root());
    }
    ReadResult result;
    result.is_ok = !findings_.has_errors();
    result.diagnostics = findings_.take();
    result.configuration = std::move(configuration_);
    result.lists = std::move(lists_);
    result.recipients = std::move(recipients_);
    return result;
  }

 private:
  void read_root(const XmlElement& root) {
    for (const XmlAttribute& attribute : root.attributes()) {
      findings_.error(attribute.line, "caronte " + quoted(attribute.name), "unknown attribute; none is allowed here");
    }
    Here here{&configuration_};
    store_defaults_of_always_on(here);
    read_children(root, "", here);
    fill_in();
    if (findings_.has_errors()) return;
    check_configuration(configuration_, findings_);
    warn_of_idle_names();
    check_size_of_recipients();
  }

  void store_defaults_of_always_on(Here& here) {
    for (const Element& element : elements()) {
      if (element.presence == Presence::always_on) store_defaults(element.path, {}, here, false);
    }
  }

  // The defaults of every attribute that is not in `given`; `is_there`: the element is written in the file.
  void store_defaults(std::string_view path, const std::vector<XmlAttribute>& given, Here& here, bool is_there = true) {
    for (const Setting& setting : settings()) {
      const bool is_given = std::any_of(given.begin(), given.end(), [&](const auto& a) { return a.name == setting.attribute; });
      if (setting.element != path || is_given || !setting.initial) continue;
      if (setting.is_off_without_element && !is_there) continue;
      (void)store_value(setting, *setting.initial, surroundings_.folder, here);  // a test walks all rows: defaults are valid
    }
  }

  void read_children(const XmlElement& parent, std::string_view parent_path, Here here) {
    if (const unsigned line = parent.text_line(); line != 0) {
      findings_.error(line, parent_path.empty() ? "caronte" : parent_path, "text is not allowed between the elements");
    }
    std::vector<std::string> seen;
    for (const XmlElement& child : parent.children()) {
      const std::string path = path_of(parent_path, child.name());
      const auto all = elements();
      const auto row = std::find_if(all.begin(), all.end(), [&](const Element& e) { return e.path == path; });
      if (row == all.end()) {
        findings_.error(child.line(), quoted(path), "unknown element; allowed here: " + names_below(parent_path));
        continue;
      }
      if (row->presence != Presence::repeated && std::find(seen.begin(), seen.end(), path) != seen.end()) {
        findings_.error(child.line(), path, "is there twice; allowed once");
        continue;
      }
      seen.push_back(path);
      read_element(child, *row, here);
    }
    for (const Element& element : elements()) {
      const bool is_required = element.presence == Presence::once || element.presence == Presence::repeated;
      if (!is_required || parent_of(element.path) != parent_path) continue;
      if (std::find(seen.begin(), seen.end(), element.path) == seen.end()) {
        findings_.error(parent.line(), element.path,
                        element.presence == Presence::once ? "is missing; required once" : "is missing; required at least once");
      }
    }
  }

  static std::string names_below(std::string_view parent) {
    std::string names;
    for (const Element& element : elements()) {
      if (parent_of(element.path) != parent) continue;
      const std::string_view name = element.path.substr(parent.empty() ? 0 : parent.size() + 1);
      names.append(names.empty() ? "" : ", ").append(name);
    }
    return names.empty() ? "none" : names;
  }

  void read_element(const XmlElement& element, const Element& row, Here here) {
    if (row.is_present != nullptr) row.is_present(here) = true;
    if (row.path == "listen") {
      here.listen = &configuration_.listens.emplace_back();
      here.listen->line = element.line();
    } else if (row.path == "destination/server") {
      here.destination_server = &configuration_.destination.servers.emplace_back();
      here.destination_server->line = element.line();
    } else if (row.path == "domains/domain") {
      here.domain = &configuration_.domains.emplace_back();
      here.domain->line = element.line();
    }
    const std::vector<XmlAttribute> attributes = element.attributes();
    store_defaults(row.path, attributes, here);
    for (const XmlAttribute& attribute : attributes) read_attribute(attribute, row, here);
    // Lists come behind the other attributes: a list of recipients needs the name of its domain.
    for (const XmlAttribute& attribute : attributes) {
      const Setting* setting = find_setting(row.path, attribute.name);
      if (setting != nullptr && setting->type == Type::list && attribute.value.size() <= setting->maximum &&
          is_path_beneath(attribute.value)) {
        read_list(*setting, attribute);
      }
    }
    for (const Setting& setting : settings()) {
      const bool is_given =
          std::any_of(attributes.begin(), attributes.end(), [&](const auto& a) { return a.name == setting.attribute; });
      if (setting.element != row.path || setting.initial || is_given) continue;
      findings_.error(element.line(), where(setting), "is missing; allowed: " + allowed_values(setting));
    }
    read_children(element, row.path, here);
  }

  void read_attribute(const XmlAttribute& attribute, const Element& row, Here& here) {
    const Setting* setting = find_setting(row.path, attribute.name);
    if (setting == nullptr) {
      findings_.error(attribute.line, std::string(row.path) + " " + quoted(attribute.name),
                      "unknown attribute; allowed here: " + attributes_of(row.path));
      return;
    }
    if (const auto wrong = store_value(*setting, attribute.value, surroundings_.folder, here)) {
      findings_.error(attribute.line, where(*setting), *wrong + "; allowed: " + allowed_values(*setting));
      return;
    }
    if (row.presence != Presence::repeated) {
      configuration_.setting_lines[static_cast<std::size_t>(setting - settings().data())] = attribute.line;
    }
  }

  static std::string where(const Setting& setting) { return std::string(setting.element) + " " + std::string(setting.attribute); }

  static std::string attributes_of(std::string_view path) {
    std::string names;
    for (const Setting& setting : settings()) {
      if (setting.element == path) names.append(names.empty() ? "" : ", ").append(setting.attribute);
    }
    return names.empty() ? "none" : names;
  }

  void read_list(const Setting& setting, const XmlAttribute& attribute) {
    const auto text = list_source_.read(attribute.value);
    if (!text) {
      findings_.error(attribute.line, where(setting), "\"" + quoted(attribute.value) + "\" cannot be read: " + text.error().text);
      return;
    }
    if (const auto* id = std::get_if<ListId>(&setting.slot)) {
      auto content = parse_address_list(text.value(), takes_host_names(*id) ? HostNames::taken : HostNames::refused);
      tell(setting, attribute, content.problems);
      lists_.push_back({*id, setting.receivers, std::string(attribute.value), std::move(content)});
    } else if (const Domain& domain = configuration_.domains.back(); !domain.name.empty()) {
      auto content = parse_recipient_list(text.value(), domain.name);
      tell(setting, attribute, content.problems);
      recipients_.push_back(
          {configuration_.domains.size() - 1, setting.receivers, std::string(attribute.value), std::move(content)});
    }
  }

  void tell(const Setting& setting, const XmlAttribute& attribute, const std::vector<ListProblem>& problems) {
    const std::string file = surroundings_.folder + "/" + std::string(attribute.value);
    for (const ListProblem& problem : problems) {
      findings_.add(file, problem.is_warning ? ipc::Severity::warning : ipc::Severity::error, problem.line, where(setting),
                    problem.text);
    }
  }

  // They travel in one table.
  void check_size_of_recipients() {
    std::size_t size = 0;
    for (const ReadRecipients& list : recipients_) size += list.content.table.size() + sizeof(TableSlot);
    if (size + sizeof(std::uint64_t) <= kMaxSealedBytes) return;
    findings_.error(0, "domains/domain recipients", "the lists are too large together: their table passes 64 MiB");
  }

  void warn_of_idle_names() {
    if (configuration_.dns.is_present) return;
    for (const ReadList& list : lists_) {
      if (list.content.names.empty()) continue;
      findings_.warn(0, std::string(name_of(list.id)) + " list", "without <dns> the host names in it match nothing");
    }
  }

  // What the file may leave to the machine.
  void fill_in() {
    if (configuration_.server.name.empty()) configuration_.server.name = surroundings_.host_name;
    Dns& dns = configuration_.dns;
    if (!dns.is_present || !dns.servers.empty()) return;
    if (surroundings_.resolv_conf) dns.servers = parse_resolv_conf(*surroundings_.resolv_conf);
    if (!dns.servers.empty()) return;
    dns.servers.push_back({base::Address::v4(127, 0, 0, 1), 53});
    findings_.warn(0, "dns servers", "none is named here or in /etc/resolv.conf: 127.0.0.1 is asked");
  }

  const Surroundings& surroundings_;
  ListSource& list_source_;
  Findings findings_;
  Configuration configuration_;
  std::vector<ReadList> lists_;
  std::vector<ReadRecipients> recipients_;
};

}  // namespace

ReadResult read_configuration(std::string_view xml, const Surroundings& surroundings, ListSource& lists) {
  return Reading(surroundings, lists).run(xml);
}

}  // namespace caronte::config
