#include "platform/audit/audit_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <mutex>

#include "core/digest.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

namespace {

constexpr std::size_t field_bytes_max = 4096, digest_digits = 64;
/// More than a line has.
constexpr std::uint64_t tail_bytes = 3 * 4 * field_bytes_max + 1024;
constexpr std::uint64_t read_bytes_max = 1u << 30;

/// No field breaks a line or a column.
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

std::string time_text(std::int64_t unix_ns) {
  const auto seconds = static_cast<time_t>(unix_ns / 1'000'000'000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, unix_ns % 1'000'000'000);
}

std::string file_name(std::uint64_t number) { return fmt::format("audit-{:08}", number); }

/// Names of the files, ascending.
result<std::vector<std::string>> files_of(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code code;
  for (std::filesystem::directory_iterator it(folder, code), end; !code && it != end; it.increment(code))
    if (it->path().filename().string().starts_with("audit-")) out.push_back(it->path().filename());
  if (code) return fail_errno(code.value(), folder);
  std::sort(out.begin(), out.end());
  return out;
}

/// "DIGEST\tTIME\tWHO\tWHAT\tABOUT": what the digest is of comes after it.
std::string chained(const std::string& before, std::string_view rest, const hasher& hash) {
  return to_hex(hash.sha256(as_bytes(before + std::string(rest))));
}

/// Takes whole lines out of `text` that follow from `last`, which it moves on.
result<void> read_lines(std::string_view text, const std::string& name, const hasher& hash, std::string& last,
                        std::vector<audit_line>& out) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) return {};
    const auto line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const auto rest = line.substr(std::min(line.size(), digest_digits));
    const bool first = last.empty();
    // The oldest file that is left follows from one that is gone.
    if (!first && line.substr(0, digest_digits) != chained(last, rest, hash))
      return fail(
          errc::corrupt,
          fmt::format("{}:{}: this line does not follow from the one before it: lines were changed or "
                      "taken out",
                      name, number));
    last = line.substr(0, digest_digits);
    std::vector<std::string> fields;
    for (auto left = rest; !left.empty();) {
      left.remove_prefix(1);
      fields.emplace_back(left.substr(0, left.find('\t')));
      left.remove_prefix(fields.back().size());
    }
    if (fields.size() != 4)
      return fail(errc::corrupt, fmt::format("{}:{}: not a line of a record", name, number));
    out.push_back({fields[0], {fields[1], fields[2], fields[3], true}});
  }
  return {};
}

class audit_file final : public audit_sink {
 public:
  audit_file(audit_file_options options, const hasher& hash, clock_source& clock, log_sink& log)
      : options_(std::move(options)), hash_(hash), clock_(clock), log_(log) {}

  result<void> open() {
    GRAPHITE_CHECK(make_folders(options_.folder));
    if (::chmod(options_.folder.c_str(), S_IRWXU) != 0) return fail_errno(errno, options_.folder);
    GRAPHITE_TRY(names_, files_of(options_.folder));
    if (names_.empty()) return begin_file(1);
    GRAPHITE_CHECK(open_file(names_.back()));
    return find_end(path(names_.back()));
  }

  void record(const audit_entry& entry) override {
    const std::lock_guard lock(mutex_);
    const auto written = append(entry);
    if (!written && !failing_)
      log_.error("the audit record cannot be written, what is done meanwhile is missing in it: {}",
                 written.error().context);
    failing_ = !written;
  }

 private:
  std::string path(const std::string& name) const { return options_.folder + "/" + name; }

  result<void> open_file(const std::string& name) {
    file_.reset(::open(path(name).c_str(), O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file_) return fail_errno(errno, path(name));
    return {};
  }

  /// Goes on after the last whole line. Those before it are looked at by who reads them: here it would take
  /// as long as there are lines.
  result<void> find_end(const std::string& name) {
    struct stat facts {};
    if (::fstat(file_.get(), &facts) != 0) return fail_errno(errno, name);
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    const auto from = size - std::min<std::uint64_t>(size, tail_bytes);
    byte_vector bytes(size - from);
    GRAPHITE_CHECK(read_fully(file_.get(), bytes, from, name));
    const auto text = as_text(bytes).substr(0, as_text(bytes).rfind('\n') + 1);  // npos + 1 is 0
    if (text.empty() && from > 0) return fail(errc::corrupt, name + " does not end with a line of a record");
    size_ = from + text.size();
    if (size_ != size && ::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
      return fail_errno(errno, name);
    if (text.empty()) return {};
    const auto start = text.rfind('\n', text.size() - 2) + 1;
    last_ = text.substr(start, digest_digits);
    return {};
  }

  result<void> begin_file(std::uint64_t number) {
    const auto name = file_name(number);
    GRAPHITE_CHECK(open_file(name));
    size_ = 0;
    names_.push_back(name);
    return sync_folder(options_.folder);
  }

  result<void> append(const audit_entry& entry) {
    if (size_ >= options_.file_bytes_max) {
      GRAPHITE_CHECK(begin_file(std::stoull(names_.back().substr(6)) + 1));
      while (names_.size() > std::max<std::size_t>(options_.files_max, 1)) {
        const auto oldest = names_.front();
        if (::unlink(path(oldest).c_str()) != 0 && errno != ENOENT) return fail_errno(errno, path(oldest));
        names_.erase(names_.begin());
        GRAPHITE_CHECK(write_line({"graphite", "remove", oldest, true}));
      }
    }
    return write_line(entry);
  }

  result<void> write_line(const audit_entry& entry) {
    const auto rest = fmt::format("\t{}\t{}\t{}\t{}", time_text(clock_.unix_ns()), field(entry.who),
                                  field(entry.what), field(entry.about));
    auto chain = chained(last_, rest, hash_);
    const auto line = chain + rest + "\n";
    for (std::size_t done = 0; done < line.size();) {
      const auto count = ::write(file_.get(), line.data() + done, line.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) {
        const int why = errno;
        if (::ftruncate(file_.get(), static_cast<off_t>(size_)) != 0)
          log_.error("half a line in {}", options_.folder);
        return fail_errno(why, options_.folder);
      }
      done += static_cast<std::size_t>(count);
    }
    size_ += line.size();
    last_ = std::move(chain);
    if (entry.rare && ::fdatasync(file_.get()) != 0) return fail_errno(errno, options_.folder);
    return {};
  }

  const audit_file_options options_;
  const hasher& hash_;
  clock_source& clock_;
  log_sink& log_;
  std::mutex mutex_;
  owned_fd file_;
  std::uint64_t size_ = 0;
  std::string last_;  ///< digest of the last line
  std::vector<std::string> names_;
  bool failing_ = false;
};

}  // namespace

result<std::unique_ptr<audit_sink>> open_audit_file(audit_file_options options, const hasher& hash,
                                                    clock_source& clock, log_sink& log) {
  auto out = std::make_unique<audit_file>(std::move(options), hash, clock, log);
  GRAPHITE_CHECK(out->open());
  return out;
}

result<std::vector<audit_line>> read_audit(const std::string& folder, const hasher& hash) {
  GRAPHITE_TRY(const auto names, files_of(folder));
  std::vector<audit_line> out;
  std::string last;
  for (const auto& name : names) {
    GRAPHITE_TRY(const auto text, read_whole_file(folder + "/" + name, read_bytes_max));
    GRAPHITE_CHECK(read_lines(text, name, hash, last, out));
  }
  return out;
}

}  // namespace graphite
