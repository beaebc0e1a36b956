#include <algorithm>
#include <cerrno>

#include "bindings/c/opened_file.hpp"
#include "platform/linux/foreign_file.hpp"
#include "platform/linux/positional_io.hpp"

// Writing, and what is said of files beforehand.

using namespace graphite;
using namespace graphite::c_api;

namespace {

static_assert(GRAPHITE_ADVICE_NORMAL == static_cast<int>(file_advice::normal) &&
                  GRAPHITE_ADVICE_SEQUENTIAL == static_cast<int>(file_advice::sequential) &&
                  GRAPHITE_ADVICE_RANDOM == static_cast<int>(file_advice::random) &&
                  GRAPHITE_ADVICE_WILL_NEED == static_cast<int>(file_advice::will_need) &&
                  GRAPHITE_ADVICE_DONT_NEED == static_cast<int>(file_advice::dont_need),
              "advice is file_advice by number");

graphite_result check_writable(const graphite_file& file) {
  if (behind(file).writable) return GRAPHITE_SUCCESS;
  return failed(errc::permission_denied, quoted(file.path) + " was not opened to be written to");
}

graphite_result said(const graphite_file& file, const result<void>& done) {
  if (done) return GRAPHITE_SUCCESS;
  return failed(done.error().code, quoted(file.path) + ": " + done.error().context);
}

/// The part of the mapping that holds bytes [offset, offset + size) of the file; empty: none of it does.
mapped_file_part part_of_mapping(const graphite_file& file, std::size_t offset, std::size_t size) {
  const auto& opened = behind(file);
  const auto begin = std::max(offset, opened.mapped_from);
  const auto end = std::min(offset + size, opened.mapped_from + file.mapped_size);
  if (!file.is_memory_mapped || begin >= end) return {};
  const auto* const memory = static_cast<const std::byte*>(file.mapped_memory);
  return {{memory + (begin - opened.mapped_from), end - begin}, opened.fd.get(), begin};
}

graphite_result advise(const graphite_file& file, std::size_t offset, std::size_t size, file_advice advice) {
  const auto to_end = static_cast<std::size_t>(std::numeric_limits<::off_t>::max()) - offset;
  // The mapping first: pages that it uses are not given up.
  if (const auto part = part_of_mapping(file, offset, size != 0 ? size : to_end); !part.bytes.empty())
    if (const auto done = advise_mapping(part.bytes, advice); !done) return said(file, done);
  return said(file, advise_file(behind(file).fd.get(), offset, size, advice));
}

}  // namespace

graphite_result graphite_file_write(graphite_file* file, const void* buffer, size_t size, size_t offset,
                                    size_t* bytes_written) {
  return guarded([&] {
    if (bytes_written != nullptr) *bytes_written = 0;
    if (file == nullptr || file->handle == nullptr) return invalid("graphite_file_write: no open file");
    if (buffer == nullptr && size != 0) return invalid("graphite_file_write: a null buffer");
    if (!is_range(offset, size)) return invalid("graphite_file_write: the range is larger than any file");
    if (const auto can = check_writable(*file); can != GRAPHITE_SUCCESS) return can;
    auto& opened = behind(*file);
    const auto done = write_at(opened.fd.get(), buffer, size, offset);
    if (bytes_written != nullptr) *bytes_written = done.bytes;
    if (done.bytes != 0) know_size(opened, offset + done.bytes);
    if (done.failed_errno == EFAULT) return invalid("graphite_file_write: the buffer is no memory to read");
    if (done.failed_errno != 0) return failed_call(done.failed_errno, "writing " + quoted(file->path));
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_file_sync(graphite_file* file) {
  return guarded([&] {
    if (file == nullptr || file->handle == nullptr) return invalid("graphite_file_sync: no open file");
    if (const auto can = check_writable(*file); can != GRAPHITE_SUCCESS) return can;
    auto& opened = behind(*file);
    int before = first_sync_failure(opened, 0);
    if (before == 0) before = first_sync_failure(opened, sync_data(opened.fd.get()));
    if (before == 0) return GRAPHITE_SUCCESS;
    return failed_call(before, "syncing " + quoted(file->path));
  });
}

graphite_result graphite_file_replace(const char* path, const void* data, size_t size) {
  return guarded([&] {
    if (path == nullptr) return invalid("graphite_file_replace: a null path");
    if (data == nullptr && size != 0) return invalid("graphite_file_replace: null data");
    if (!is_range(0, size)) return invalid("graphite_file_replace: more bytes than any file has");
    const auto done = replace_foreign_file(path, {static_cast<const std::byte*>(data), size});
    return done ? GRAPHITE_SUCCESS : failed(done.error());
  });
}

graphite_result graphite_file_advise(graphite_file* file, size_t offset, size_t size,
                                     graphite_file_advice advice) {
  return guarded([&] {
    if (file == nullptr || file->handle == nullptr) return invalid("graphite_file_advise: no open file");
    if (advice < GRAPHITE_ADVICE_NORMAL || advice > GRAPHITE_ADVICE_DONT_NEED)
      return invalid("graphite_file_advise: unknown advice");
    if (!is_range(offset, size)) return invalid("graphite_file_advise: the range is larger than any file");
    return advise(*file, offset, size, static_cast<file_advice>(advice));
  });
}

graphite_result graphite_file_prefault(graphite_file* file, size_t offset, size_t size) {
  return guarded([&] {
    if (file == nullptr || file->handle == nullptr) return invalid("graphite_file_prefault: no open file");
    if (!is_range(offset, size)) return invalid("graphite_file_prefault: the range is larger than any file");
    const auto part = part_of_mapping(*file, offset, size);
    if (!file->is_memory_mapped || part.bytes.size() != size)
      return invalid("graphite_file_prefault: not all of this is mapped");
    return size == 0 ? GRAPHITE_SUCCESS : said(*file, prefault(part));
  });
}
