#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/config/mistakes.hpp"
#include "cli/config/toml.hpp"
#include "core/glob.hpp"
#include "core/units.hpp"

namespace graphite {

text_place place_of(const toml::source_region& region);
inline text_place place_of(const toml::node& node) { return place_of(node.source()); }

/// What was read of a text in the file, with its place for later checks.
struct placed_text {
  std::string text;
  text_place place;
};

/// Reads one table of the file key by key; what is asked for is what is known. Every mistake goes to the
/// list, and a value with a mistake leaves the default alone.
class table_reader {
 public:
  static constexpr std::size_t list_items_max = 10'000;
  static constexpr std::size_t text_bytes_max = 64 * KiB;

  /// `title` as people see it: "[watch]" or "[[rule]] 'textures'".
  table_reader(const toml::table& table, std::string title, mistake_list& mistakes);

  /// The value of `key`, or null; from now on `key` is known.
  const toml::node* find(std::string_view key);
  /// Where `key` stands, or the table where it is absent.
  text_place place(std::string_view key) const;
  text_place place() const { return place_of(table_); }
  bool has(std::string_view key) const { return table_.contains(key); }

  void read(std::string_view key, std::string& out);
  void read(std::string_view key, bool& out);
  void read(std::string_view key, std::uint32_t& out, std::uint32_t least, std::uint32_t most);
  std::optional<placed_text> text(std::string_view key);
  /// A list of texts, or one text. Nothing where it is absent or has a mistake.
  std::optional<std::vector<placed_text>> texts(std::string_view key);
  void read(std::string_view key, std::vector<std::string>& out);
  void read(std::string_view key, std::vector<glob>& out);
  void read(std::string_view key, std::map<std::string, std::string>& out);
  /// `KEY = "50 ms"` or `KEY_ms = 50`.
  void read(std::string_view key, milliseconds& out, milliseconds least, milliseconds most);
  /// `NAME_max = "4 GiB"` or `NAME_bytes_max = 4294967296`.
  void read_size(std::string_view name, std::uint64_t& out, std::uint64_t least, std::uint64_t most);
  /// The table of `key`, or null.
  const toml::table* table(std::string_view key);
  /// The tables of `[[key]]`.
  std::vector<const toml::table*> tables(std::string_view key);

  void mistake(text_place where, std::string what, std::string meant = {}) {
    mistakes_.add(where, std::move(what), std::move(meant));
  }
  /// Reports the keys nobody asked for. Last.
  void finish();
  const std::string& title() const { return title_; }

 private:
  bool take_text(const toml::node& node, std::string_view key, placed_text& out);
  /// The node of exactly one of two spellings.
  const toml::node* either(const std::string& human, const std::string& number);
  void wrong_type(const toml::node& node, std::string_view key, std::string_view wanted);

  const toml::table& table_;
  std::string title_;
  mistake_list& mistakes_;
  std::set<std::string, std::less<>> known_;
};

/// A glob with the project file's further demands: `**` stands alone between slashes, no `./` or `..`, no
/// `/` at the end. Errors: invalid_argument.
result<glob> checked_glob(const std::string& text);

}  // namespace graphite
