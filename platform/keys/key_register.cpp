#include "platform/keys/key_register.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "platform/keys/key_file.hpp"

namespace graphite {

namespace {

constexpr std::size_t register_bytes_max = 64 * MiB;
constexpr std::size_t fields = 7;
constexpr std::pair<issued_key::kind, std::string_view> kind_names[] = {
    {issued_key::kind::channel_key, "channel-key"},
    {issued_key::kind::role_key, "role-key"},
    {issued_key::kind::certificate, "certificate"},
    {issued_key::kind::ticket, "ticket"},
    {issued_key::kind::token, "token"}};

template <class Number>
bool read_number(std::string_view text, Number& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() && end == text.data() + text.size();
}

std::string line_of(const issued_key& row) {
  return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}\n", row.serial, to_string(row.what), row.name, row.about,
                     row.valid.from_unix_ns, row.valid.until_unix_ns, row.key);
}

std::optional<issued_key> read_line(std::string_view line) {
  std::array<std::string_view, fields> parts;
  for (auto& part : parts) {
    part = line.substr(0, line.find('\t'));
    line.remove_prefix(std::min(line.size(), part.size() + 1));
  }
  issued_key out;
  const auto kind = std::find_if(std::begin(kind_names), std::end(kind_names),
                                 [&](const auto& one) { return one.second == parts[1]; });
  if (!line.empty() || kind == std::end(kind_names) || !read_number(parts[0], out.serial) ||
      !read_number(parts[4], out.valid.from_unix_ns) || !read_number(parts[5], out.valid.until_unix_ns))
    return std::nullopt;
  out.what = kind->first;
  out.name = parts[2];
  out.about = parts[3];
  out.key = parts[6];
  return out;
}

}  // namespace

std::string_view to_string(issued_key::kind what) {
  for (const auto& [one, name] : kind_names)
    if (one == what) return name;
  return "?";
}

result<key_register> key_register::open(std::string path) {
  key_register out(std::move(path));
  const auto bytes = read_secret_file(out.path_, register_bytes_max);
  if (!bytes && bytes.error().code == errc::not_found) return out;
  if (!bytes) return tl::unexpected(bytes.error());
  auto text = as_text(bytes->view());
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) break;
    const auto row = read_line(text.substr(0, end));
    if (!row) return fail(errc::corrupt, fmt::format("{}:{}: not a line of a register", out.path_, number));
    out.rows_.push_back(*row);
    text.remove_prefix(end + 1);
  }
  return out;
}

std::uint64_t key_register::next_serial() const {
  std::uint64_t last = 0;
  for (const auto& row : rows_) last = std::max(last, row.serial);
  return last + 1;
}

result<void> key_register::append(const issued_key& row) {
  if (read_line(line_of(row).substr(0, line_of(row).size() - 1)) != row ||
      row.name.find('\n') != row.name.npos)
    return fail(errc::invalid_argument, fmt::format("'{}' cannot stand in a register", row.name));
  std::string all;
  for (const auto& one : rows_) all += line_of(one);
  GRAPHITE_CHECK(write_key_file(path_, as_bytes(all + line_of(row))));
  rows_.push_back(row);
  return {};
}

}  // namespace graphite
