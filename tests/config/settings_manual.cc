#include "settings_manual.h"

#include <algorithm>

#include "config/settings.h"

namespace caronte::config {

namespace {

// A sentence, in lines that mandoc finds short enough.
std::string wrapped(std::string_view text) {
  std::string lines;
  std::size_t column = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    const bool may_begin_a_line = word.front() != '.' && word.front() != '\'';
    if (column != 0 && column + 1 + word.size() > 76 && may_begin_a_line) {
      lines += '\n';
      column = 0;
    }
    lines.append(column == 0 ? "" : " ").append(word);
    column += word.size() + 1;
  }
  return lines + "\n";
}

// As in a system that was configured with --localstatedir=/var.
std::string documented(std::string_view initial) {
  if (initial == CARONTE_STATEDIR) return "/var/lib/caronte";
  if (initial == CARONTE_LOGDIR) return "/var/log/caronte";
  std::string text;
  for (const char c : initial) {
    switch (c) {  // what roff would make typographic
      case '\'': text += "\\(aq"; break;
      case '`': text += "\\(ga"; break;
      case '^': text += "\\(ha"; break;
      case '~': text += "\\(ti"; break;
      default: text += c;
    }
  }
  return text;
}

std::string presence_text(const Element& element) {
  switch (element.presence) {
    case Presence::once: return "Required, once.";
    case Presence::optional: return "May be absent.";
    case Presence::always_on: return "Always on: if it is absent, its defaults hold.";
    case Presence::repeated: return "Required, may be there several times.";
  }
  return {};
}

std::string element_heading(std::string_view path) {
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return ".Ss <" + std::string(path) + ">\n";
  return ".Ss <" + std::string(path.substr(slash + 1)) + ">, in <" + std::string(path.substr(0, slash)) + ">\n";
}

std::string setting_text(const Setting& setting) {
  std::string text = ".It Cm " + std::string(setting.attribute) + "\n" + wrapped(setting.help);
  text += wrapped("Allowed: " + allowed_values(setting) + ".");
  if (!setting.initial) {
    text += "Required.\n";
  } else if (setting.initial->empty()) {
    text += "The default is empty.\n";
  } else {
    // A full stop of the value itself is none of the sentence.
    text += "The default is\n.Ql " + documented(*setting.initial) + (setting.initial->ends_with('.') ? "\\&" : "") + " .\n";
  }
  if (setting.is_off_without_element) text += "Off while the element is absent.\n";
  if (!setting.rows.empty()) text += ".Bq " + std::string(setting.rows) + "\n";
  return text;
}

}  // namespace

std::string settings_manual() {
  std::string text;
  for (const Element& element : elements()) {
    text += element_heading(element.path) + wrapped(element.help) + wrapped(presence_text(element));
    std::string items;
    for (const Setting& setting : settings()) {
      if (setting.element == element.path) items += setting_text(setting);
    }
    if (!items.empty()) text += ".Bl -tag -width Ds\n" + items + ".El\n";
  }
  return text;
}

}  // namespace caronte::config
