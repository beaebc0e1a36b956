#include "cli/config/table_reader.hpp"

#include <fmt/format.h>

#include "cli/config/quantity.hpp"
#include "core/did_you_mean.hpp"

namespace graphite {

namespace {

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::integer:
      return "a whole number";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

/// What to write instead, where a text holds the right value in the wrong type.
std::string quoting_hint(const toml::node& node, std::string_view wanted) {
  const auto text = node.value<std::string>();
  if (text && wanted == "true or false" && (*text == "true" || *text == "false"))
    return "write it without quotes";
  if (text && wanted == "a whole number" && !text->empty() &&
      text->find_first_not_of("0123456789") == std::string::npos)
    return "write it without quotes";
  return {};
}

}  // namespace

text_place place_of(const toml::source_region& region) {
  text_place out{std::max<std::uint32_t>(region.begin.line, 1),
                 std::max<std::uint32_t>(region.begin.column, 1), 1};
  if (region.end.line == region.begin.line && region.end.column > region.begin.column)
    out.width = region.end.column - region.begin.column;
  return out;
}

table_reader::table_reader(const toml::table& table, std::string title, mistake_list& mistakes)
    : table_(table), title_(std::move(title)), mistakes_(mistakes) {}

const toml::node* table_reader::find(std::string_view key) {
  known_.emplace(key);
  return table_.get(key);
}

text_place table_reader::place(std::string_view key) const {
  const auto found = table_.find(key);
  return found == table_.cend() ? place() : place_of(found->first.source());
}

void table_reader::wrong_type(const toml::node& node, std::string_view key, std::string_view wanted) {
  mistake(place_of(node), fmt::format("'{}' in {} must be {}, not {}", key, title_, wanted, type_name(node)),
          quoting_hint(node, wanted));
}

bool table_reader::take_text(const toml::node& node, std::string_view key, placed_text& out) {
  const auto* text = node.as_string();
  if (text == nullptr) return wrong_type(node, key, "a text"), false;
  out = {text->get(), place_of(node)};
  if (out.text.size() > text_bytes_max || out.text.find('\0') != std::string::npos) {
    mistake(out.place, fmt::format("'{}' in {} is over 64 KiB or has a NUL character", key, title_));
    return false;
  }
  return true;
}

std::optional<placed_text> table_reader::text(std::string_view key) {
  const auto* node = find(key);
  placed_text out;
  if (node == nullptr || !take_text(*node, key, out)) return std::nullopt;
  return out;
}

void table_reader::read(std::string_view key, std::string& out) {
  if (auto found = text(key)) out = std::move(found->text);
}

void table_reader::read(std::string_view key, bool& out) {
  const auto* node = find(key);
  if (node == nullptr) return;
  if (const auto* value = node->as_boolean())
    out = value->get();
  else
    wrong_type(*node, key, "true or false");
}

void table_reader::read(std::string_view key, std::uint32_t& out, std::uint32_t least, std::uint32_t most) {
  const auto* node = find(key);
  if (node == nullptr) return;
  const auto* value = node->as_integer();
  if (value == nullptr) return wrong_type(*node, key, "a whole number");
  if (value->get() < least || value->get() > most)
    return mistake(place_of(*node), fmt::format("'{}' in {} is {}: out of range", key, title_, value->get()),
                   fmt::format("from {} to {}", least, most));
  out = static_cast<std::uint32_t>(value->get());
}

std::optional<std::vector<placed_text>> table_reader::texts(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return std::nullopt;
  std::vector<placed_text> out;
  const auto* list = node->as_array();
  if (list == nullptr) {
    if (!node->is_string()) return wrong_type(*node, key, "a list of texts, or a text"), std::nullopt;
    return take_text(*node, key, out.emplace_back()) ? std::optional(out) : std::nullopt;
  }
  if (list->size() > list_items_max)
    return mistake(place_of(*node),
                   fmt::format("'{}' in {} has over {} entries", key, title_, list_items_max)),
           std::nullopt;
  bool good = true;
  for (const auto& item : *list) good = take_text(item, key, out.emplace_back()) && good;
  return good ? std::optional(std::move(out)) : std::nullopt;
}

void table_reader::read(std::string_view key, std::vector<std::string>& out) {
  const auto found = texts(key);
  if (!found) return;
  out.clear();
  for (const auto& item : *found) out.push_back(item.text);
}

void table_reader::read(std::string_view key, std::vector<glob>& out) {
  const auto found = texts(key);
  if (!found) return;
  out.clear();
  for (const auto& item : *found) {
    if (auto made = checked_glob(item.text))
      out.push_back(*std::move(made));
    else
      mistake(item.place, fmt::format("bad pattern in '{}' of {}: {}", key, title_, made.error().context));
  }
}

void table_reader::read(std::string_view key, std::map<std::string, std::string>& out) {
  const auto* inner = table(key);
  if (inner == nullptr) return;
  for (const auto& [name, node] : *inner) {
    placed_text value;
    if (take_text(node, name.str(), value)) out.insert_or_assign(std::string(name.str()), value.text);
  }
}

const toml::node* table_reader::either(const std::string& human, const std::string& number) {
  const auto* first = find(human);
  const auto* second = find(number);
  if (first != nullptr && second != nullptr)
    mistake(place(number), fmt::format("'{}' and '{}' in {} say the same thing", human, number, title_),
            "keep one of them");
  return first != nullptr ? first : second;
}

void table_reader::read(std::string_view key, milliseconds& out, milliseconds least, milliseconds most) {
  const auto number = std::string(key) + "_ms";
  const auto* node = either(std::string(key), number);
  if (node == nullptr) return;
  const bool is_number = node == table_.get(number);
  milliseconds value{};
  if (is_number) {
    const auto* whole = node->as_integer();
    if (whole == nullptr) return wrong_type(*node, number, "a whole number");
    value = milliseconds(whole->get());
  } else {
    const auto* text = node->as_string();
    if (text == nullptr && node->is_number())
      return mistake(
          place_of(*node), fmt::format("'{}' in {} has no unit", key, title_),
          fmt::format("write {} = \"{} ms\" or {} = {}", key, node->value_or(0), number, node->value_or(0)));
    if (text == nullptr) return wrong_type(*node, key, "a duration such as \"50 ms\"");
    auto parsed = parse_duration(text->get());
    if (!parsed)
      return mistake(place_of(*node),
                     fmt::format("'{}' in {} is no duration: {}", key, title_, parsed.error().context));
    value = *parsed;
  }
  if (value < least || value > most)
    return mistake(place_of(*node),
                   fmt::format("'{}' in {} is out of range", is_number ? number : key, title_),
                   fmt::format("from {} to {}", duration_text(least), duration_text(most)));
  out = value;
}

void table_reader::read_size(std::string_view name, std::uint64_t& out, std::uint64_t least,
                             std::uint64_t most) {
  const auto human = std::string(name) + "_max", number = std::string(name) + "_bytes_max";
  const auto* node = either(human, number);
  if (node == nullptr) return;
  std::uint64_t value = 0;
  if (node == table_.get(number)) {
    const auto* whole = node->as_integer();
    if (whole == nullptr) return wrong_type(*node, number, "a whole number");
    value = whole->get() < 0 ? 0 : static_cast<std::uint64_t>(whole->get());
  } else {
    const auto* text = node->as_string();
    if (text == nullptr && node->is_integer())
      return mistake(place_of(*node), fmt::format("'{}' in {} has no unit", human, title_),
                     fmt::format("write {} = \"4 GiB\" or {} = {}", human, number, node->value_or(0)));
    if (text == nullptr) return wrong_type(*node, human, "a size such as \"4 GiB\"");
    auto parsed = parse_size(text->get());
    if (!parsed)
      return mistake(place_of(*node),
                     fmt::format("'{}' in {} is no size: {}", human, title_, parsed.error().context));
    value = *parsed;
  }
  if (value < least || value > most)
    return mistake(place_of(*node), fmt::format("'{}' in {} is out of range", human, title_),
                   fmt::format("from {} to {}", size_text(least), size_text(most)));
  out = value;
}

const toml::table* table_reader::table(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return nullptr;
  if (!node->is_table()) wrong_type(*node, key, "a table");
  return node->as_table();
}

std::vector<const toml::table*> table_reader::tables(std::string_view key) {
  const auto* node = find(key);
  if (node == nullptr) return {};
  std::vector<const toml::table*> out;
  if (node->is_table()) {
    mistake(place_of(*node), fmt::format("[{}] must be a list of tables", key),
            fmt::format("write it with two brackets: [[{}]]", key));
  } else if (const auto* list = node->as_array(); list == nullptr || list->size() > list_items_max) {
    wrong_type(*node, key, fmt::format("a list of at most {} tables", list_items_max));
  } else {
    for (const auto& item : *list) {
      if (item.is_table())
        out.push_back(item.as_table());
      else
        wrong_type(item, key, "a list of tables");
    }
  }
  return out;
}

void table_reader::finish() {
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  for (const auto& [key, node] : table_)
    if (!known_.contains(key.str()))
      mistake(place_of(key.source()), fmt::format("unknown key '{}' in {}", key.str(), title_),
              did_you_mean(key.str(), known));
}

result<glob> checked_glob(const std::string& text) {
  const auto bad = [&](std::string what) { return fail(errc::invalid_argument, std::move(what)); };
  GRAPHITE_TRY(auto made, glob::parse(text));
  if (text.back() == '/')
    return bad(fmt::format("'{}' ends with '/': write '{}**' for all below it", text, text));
  if (text.rfind("./", 0) == 0)
    return bad(fmt::format("'{}' begins with './': patterns are relative to the root as they are", text));
  if (text == ".." || text.rfind("../", 0) == 0 || text.find("/../") != std::string::npos)
    return bad(fmt::format("'{}' leaves the root", text));
  for (auto at = text.find("**"); at != std::string::npos; at = text.find("**", at + 2)) {
    const bool begins = at == 0 || std::string_view("/{,").find(text[at - 1]) != std::string_view::npos;
    const bool ends =
        at + 2 == text.size() || std::string_view("/},").find(text[at + 2]) != std::string_view::npos;
    if (!begins || !ends)
      return bad(fmt::format("in '{}' the '**' must stand alone between slashes: '**/*…'", text));
  }
  return made;
}

}  // namespace graphite
