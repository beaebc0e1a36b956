#include "platform/audit/audit_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "platform/audit/audit_format.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

namespace {

using namespace audit_format;

class audit_file final : public audit_sink {
 public:
  audit_file(audit_file_options options, const hasher& hash, clock_source& clock, log_sink& log)
      : options_(std::move(options)), hash_(hash), clock_(clock), log_(log) {}

  result<void> open() {
    GRAPHITE_CHECK(make_folders(options_.folder));
    if (::chmod(options_.folder.c_str(), S_IRWXU) != 0) return fail_errno(errno, options_.folder);
    GRAPHITE_TRY(names_, files_of(options_.folder));
    if (names_.empty()) {
      GRAPHITE_CHECK(begin_file(1));
    } else {
      GRAPHITE_CHECK(open_file(names_.back()));
      GRAPHITE_CHECK(find_end(path(names_.back())));
    }
    GRAPHITE_TRY(const auto mark, read_mark(options_.folder));
    GRAPHITE_CHECK(open_head());
    return check_end(mark);
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

  result<void> open_head() {
    const auto name = path(std::string(head_name));
    head_.reset(::open(name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!head_) return fail_errno(errno, name);
    return sync_folder(options_.folder);
  }

  /// Goes on after the last whole line. Those before it are looked at by who reads them: here it would take
  /// as long as there are lines.
  result<void> find_end(const std::string& name) {
    struct stat facts {};
    if (::fstat(file_.get(), &facts) != 0) return fail_errno(errno, name);
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    const auto from = size - std::min<std::uint64_t>(size, line_bytes_max);
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

  /// Whether the record ends where the head says. After a crash it may go on; where it ends sooner that is
  /// said in the record itself.
  result<void> check_end(const std::optional<end_mark>& mark) {
    if (mark && mark->digest == last_) {
      lines_ = mark->lines;
      return {};
    }
    GRAPHITE_TRY(const auto digests, all_digests());
    if (last_.empty() && !digests.empty()) last_ = digests.back();  // the newest file was only begun
    lines_ = digests.size();
    if (!mark && digests.empty()) return {};
    if (!mark)
      return write_line({"graphite", "missing", "the file `head`: lines before this one may be, too"});
    const auto found = std::find(digests.rbegin(), digests.rend(), mark->digest);
    lines_ = mark->lines;
    if (found != digests.rend()) {
      lines_ += static_cast<std::uint64_t>(found - digests.rbegin());
      return {};
    }
    return write_line(
        {"graphite", "missing",
         fmt::format("line {} of {} was the last one: lines up to it were cut off here, or lost with "
                     "the machine's power",
                     mark->lines, mark->time)});
  }

  result<std::vector<std::string>> all_digests() const {
    std::vector<std::string> out;
    for (const auto& name : names_) {
      GRAPHITE_TRY(const auto text, read_whole_file(path(name), audit_format::file_bytes_max));
      for (std::size_t at = 0; at < text.size();) {
        const auto end = text.find('\n', at);
        if (end == std::string::npos) break;
        out.push_back(text.substr(at, std::min(digest_digits, end - at)));
        at = end + 1;
      }
    }
    return out;
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
    const auto time = time_text(clock_.unix_ns());
    const auto rest =
        fmt::format("\t{}\t{}\t{}\t{}", time, field(entry.who), field(entry.what), field(entry.about));
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
    ++lines_;
    if (entry.rare && ::fdatasync(file_.get()) != 0) return fail_errno(errno, options_.folder);
    // After the line: a crash in between leaves a record that goes on after its head.
    GRAPHITE_CHECK(
        write_fully(head_.get(), as_bytes(text_of(end_mark{lines_, last_, time})), 0, options_.folder));
    if (entry.rare && ::fdatasync(head_.get()) != 0) return fail_errno(errno, options_.folder);
    return {};
  }

  const audit_file_options options_;
  const hasher& hash_;
  clock_source& clock_;
  log_sink& log_;
  std::mutex mutex_;
  owned_fd file_, head_;
  std::uint64_t size_ = 0;
  std::uint64_t lines_ = 0;  ///< written in all
  std::string last_;         ///< digest of the last line
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

}  // namespace graphite
