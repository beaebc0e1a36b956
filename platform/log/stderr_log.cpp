#include "platform/log/stderr_log.hpp"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <string>

namespace graphite {

namespace {

/// Writes formatted lines to a descriptor with one write each, so that lines of several processes do not mix.
class fd_sink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit fd_sink(int fd) : fd_(fd) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    for (std::size_t done = 0; done < line.size();) {
      const ssize_t size = ::write(fd_, line.data() + done, line.size() - done);
      if (size <= 0) return;  // nowhere to complain
      done += static_cast<std::size_t>(size);
    }
  }
  void flush_() override {}

  int fd_;
};

spdlog::level::level_enum to_spdlog(log_level level) {
  switch (level) {
    case log_level::debug:
      return spdlog::level::debug;
    case log_level::info:
      return spdlog::level::info;
    case log_level::warning:
      return spdlog::level::warn;
    case log_level::error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

/// As JSON strings are escaped, also in plain lines; without the quotes where `json` is false.
std::string one_line(std::string_view message, bool json) {
  std::string out;
  out.reserve(message.size());
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\n')
      out += "\\n";
    else if (byte < 0x20 || byte == 0x7F)
      out += fmt::format("\\u{:04x}", byte);
    else if (json && (c == '"' || c == '\\'))
      out += {'\\', c};
    else
      out += c;
  }
  return out;
}

const char* pattern_of(const stderr_log_options& options) {
  if (options.json) return R"({"time":"%Y-%m-%dT%H:%M:%S.%f%z","level":"%l","message":"%v"})";
  const char* no_color = std::getenv("NO_COLOR");
  const bool color = ::isatty(options.fd) == 1 && (no_color == nullptr || *no_color == '\0');
  return color ? "\x1b[2m%H:%M:%S.%e\x1b[0m %-7l %v" : "%Y-%m-%d %H:%M:%S.%e %-7l %v";
}

class stderr_log final : public log_sink {
 public:
  explicit stderr_log(const stderr_log_options& options)
      : json_(options.json), logger_("graphite", std::make_shared<fd_sink>(options.fd)) {
    logger_.set_level(to_spdlog(options.level));
    logger_.set_pattern(pattern_of(options));
    logger_.set_error_handler([](const std::string&) {});
  }

  void write(log_level level, std::string_view message) override {
    const auto severity = to_spdlog(level);
    if (logger_.should_log(severity)) logger_.log(severity, one_line(message, json_));
  }

 private:
  bool json_;
  spdlog::logger logger_;
};

}  // namespace

std::optional<log_level> log_level_from(std::string_view name) {
  if (name == "debug") return log_level::debug;
  if (name == "info") return log_level::info;
  if (name == "warning") return log_level::warning;
  if (name == "error") return log_level::error;
  return std::nullopt;
}

std::unique_ptr<log_sink> make_stderr_log(const stderr_log_options& options) {
  return std::make_unique<stderr_log>(options);
}

}  // namespace graphite
