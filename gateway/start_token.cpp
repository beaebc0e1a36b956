#include "gateway/start_token.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>

#include "core/hex.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

namespace {

result<secret_bytes> random_text() {
  byte_vector raw(start_token::random_bytes);
  if (::getrandom(raw.data(), raw.size(), 0) != static_cast<ssize_t>(raw.size()))
    return fail_errno(errno, "random numbers for a token");
  const secret_bytes random(std::move(raw));
  byte_vector text;
  text.reserve(start_token::prefix.size() + 2 * start_token::random_bytes);
  for (const char one : start_token::prefix) text.push_back(static_cast<std::byte>(one));
  for (const auto one : random.view())
    for (const auto half : {std::to_integer<int>(one) >> 4, std::to_integer<int>(one) & 15})
      text.push_back(static_cast<std::byte>(hex_digits[half]));
  return secret_bytes(std::move(text));
}

result<void> write_whole(int fd, byte_span bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail_errno(errno, path);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

result<start_token> start_token::make(const std::string& state_folder) {
  const std::string path = state_folder + "/token";
  GRAPHITE_TRY(auto text, random_text());
  // A start before us may have left its own, or somebody a link: neither is written through.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, path);
  const owned_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return fail_errno(errno, path);
  start_token out(path, std::move(text));
  GRAPHITE_CHECK(write_whole(file.get(), out.text_.view(), path));
  return out;
}

start_token::~start_token() {
  if (!text_.empty()) ::unlink(path_.c_str());
}

bool start_token::matches(std::string_view shown) const {
  const auto expected = text_.view();
  if (shown.size() != expected.size() || expected.empty()) return false;
  volatile unsigned differing = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    differing = differing | (std::to_integer<unsigned>(expected[i]) ^ static_cast<unsigned char>(shown[i]));
  return differing == 0;
}

}  // namespace graphite
