#include "platform/audit/audit_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <filesystem>

#include "core/digest.hpp"
#include "platform/linux/durable_file.hpp"

namespace graphite::audit_format {

std::string time_text(std::int64_t unix_ns) {
  const auto seconds = static_cast<time_t>(unix_ns / 1'000'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, unix_ns % 1'000'000'000);
}

std::string field(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, field_bytes_max)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '\\')
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out;
}

std::string file_name(std::uint64_t number) { return fmt::format("audit-{:08}", number); }

result<std::vector<std::string>> files_of(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code code;
  for (std::filesystem::directory_iterator it(folder, code), end; !code && it != end; it.increment(code))
    if (it->path().filename().string().starts_with("audit-")) out.push_back(it->path().filename());
  if (code) return fail_errno(code.value(), folder);
  std::sort(out.begin(), out.end());
  return out;
}

std::string chained(std::string_view before, std::string_view rest, const hasher& hash) {
  return to_hex(hash.sha256(as_bytes(std::string(before) + std::string(rest))));
}

std::string text_of(const end_mark& mark) {
  return fmt::format("{:020} {:>64} {:>30}\n", mark.lines, mark.digest, mark.time);
}

std::optional<end_mark> parse_mark(std::string_view text) {
  constexpr std::size_t number_digits = 20;
  if (text.size() != number_digits + 1 + digest_digits + 1 + time_chars + 1) return std::nullopt;
  end_mark out;
  const auto [end, code] = std::from_chars(text.data(), text.data() + number_digits, out.lines);
  out.digest = text.substr(number_digits + 1, digest_digits);
  out.time = text.substr(number_digits + 1 + digest_digits + 1, time_chars);
  if (code != std::errc() || end != text.data() + number_digits || text_of(out) != text) return std::nullopt;
  return out;
}

result<std::optional<end_mark>> read_mark(const std::string& folder) {
  const auto text = read_whole_file(folder + "/" + std::string(head_name), 4096);
  if (!text && (text.error().code == errc::not_found || text.error().code == errc::too_large))
    return std::optional<end_mark>();
  if (!text) return tl::unexpected(text.error());
  return parse_mark(*text);
}

}  // namespace graphite::audit_format
