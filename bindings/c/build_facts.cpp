#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "bindings/c/build_copies.hpp"
#include "bindings/c/build_internal.hpp"
#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/owned_fd.hpp"

// What can be said without building: of files, and of a context as a whole.

using namespace graphite;
using namespace graphite::build_api;

namespace {

std::uint64_t whole_ns(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

result<digest> digest_of_file(const std::string& path) {
  const owned_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return fail_errno(errno, path);
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return fail_errno(errno, path);
  if (!S_ISREG(info.st_mode)) return fail(errc::invalid_argument, path + " is not a regular file");
  const openssl_hasher sha;
  content_builder contents(sha);
  byte_vector block(MiB);
  while (true) {
    const auto got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, path);
    if (got == 0) break;
    contents.feed(byte_span(block).first(static_cast<std::size_t>(got)));
  }
  return content_of(contents.finish(), sha).id;
}

template <std::size_t N>
void copy_text(const std::string& from, char (&to)[N]) {
  const auto length = std::min(from.size(), N - 1);
  std::memcpy(to, from.data(), length);
  to[length] = '\0';
}

void fill(const service_status& from, graphite_build_statistics& out) {
  out.polling = from.watch_mode == "polling";
  out.sources = from.sources;
  out.assets = from.assets;
  out.actions = from.actions;
  out.stale = from.stale;
  out.running = from.running.size();
  out.failed = from.failed_count;
  out.watched_folders = from.watched_folders;
  if (!from.channels.empty()) out.behind = from.channels.front().behind;
  for (const auto& channel : from.channels) out.subscribers += channel.subscribers;
}

}  // namespace

graphite_result graphite_hash_file(const char* path, uint64_t* content_hash, uint8_t digest_out[32]) {
  return guarded([&] {
    if (path == nullptr || content_hash == nullptr) return invalid("graphite_hash_file: a null argument");
    *content_hash = 0;
    const auto found = digest_of_file(path);
    if (!found) return failed(found.error());
    *content_hash = short_hash(*found);
    if (digest_out != nullptr) std::copy(found->bytes.begin(), found->bytes.end(), digest_out);
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_get_file_mtime(const char* path, uint64_t* mtime_ns) {
  return guarded([&] {
    if (path == nullptr || mtime_ns == nullptr) return invalid("graphite_get_file_mtime: a null argument");
    *mtime_ns = 0;
    struct stat info {};
    if (::stat(path, &info) != 0) return failed(errno_error(errno, path));
    *mtime_ns = whole_ns(info.st_mtim);
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_rebuild_statistics(graphite_rebuild_context* context,
                                            graphite_build_statistics* out) {
  return guarded([&] {
    if (context == nullptr || out == nullptr) return invalid("graphite_rebuild_statistics: a null argument");
    if (out->size != sizeof *out)
      return invalid("graphite_build_statistics: `size` is not that of the structure");
    const auto now = context->project.status();
    if (!now) return failed(now.error());
    *out = {};
    out->size = sizeof *out;
    fill(*now, *out);
    out->watching = context->project.watching();
    const auto counts = context->project.counts();
    out->builds = counts.builds;
    out->ran = counts.ran;
    out->cached = counts.cached;
    out->reopened = counts.reopened;
    out->generations = context->generations;
    out->callbacks_dropped = context->calls.dropped();
    const auto [heads, chunks] = context->project.addresses();
    copy_text(heads, out->heads_address);
    copy_text(chunks, out->chunks_address);
    return GRAPHITE_SUCCESS;
  });
}

size_t graphite_rebuild_bundle(graphite_rebuild_context* context, char* buffer, size_t capacity) {
  if (context == nullptr) return 0;
  const auto folder = context->project.bundle();
  if (buffer == nullptr || capacity == 0) return folder.size();
  const auto length = std::min(folder.size(), capacity - 1);
  std::memcpy(buffer, folder.data(), length);
  buffer[length] = '\0';
  return folder.size();
}
