#include "cli/folder_contents.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "bundle/chunk_list.hpp"
#include "cli/new_file.hpp"

namespace graphite {

namespace fs = std::filesystem;

/// A file under another name until it is whole.
class folder_contents::writer final : public content_writer {
 public:
  writer(folder_contents& of, fs::path path, new_file file)
      : of_(of), path_(std::move(path)), file_(std::move(file)) {}
  ~writer() override {
    std::error_code ignored;
    if (!kept_) fs::remove(path_, ignored);
  }
  result<void> append(byte_span bytes) override { return file_.append(bytes); }
  result<void> read(std::uint64_t offset, std::span<std::byte> out) const override {
    return read_at(path_, offset, out);
  }
  result<extent> keep_cut_off(bool) override {
    return fail(errc::unsupported, "a fetch into a folder is not gone on with");
  }
  result<stored_content> commit(const chunk_list& chunks) override {
    const stored_content out{content_of(chunks, of_.hash_), chunks, std::nullopt};
    const auto target = of_.file_of(out.ref.id);
    if (::rename(path_.c_str(), target.c_str()) != 0) return fail_errno(errno, target.string());
    kept_ = true;
    return of_.add(out);
  }
  static result<void> read_at(const fs::path& path, std::uint64_t offset, std::span<std::byte> out) {
    const owned_fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (fd.get() < 0) return fail_errno(errno, path.string());
    return read_fully(fd.get(), out, offset, path.string());
  }

 private:
  folder_contents& of_;
  const fs::path path_;
  new_file file_;
  bool kept_ = false;
};

stored_content folder_contents::add(const stored_content& what) {
  const std::lock_guard lock(mutex_);
  return all_.insert_or_assign(what.ref.id, what).first->second;
}

result<void> folder_contents::clear() {
  const std::lock_guard lock(mutex_);
  for (const auto& [content, what] : all_) {
    std::error_code code;
    fs::remove(file_of(content), code);
    if (code) return fail(errc::io, file_of(content).string() + ": " + code.message());
  }
  all_.clear();
  return {};
}

result<stored_content> folder_contents::put(byte_span bytes, const chunk_list& chunks) {
  GRAPHITE_TRY(auto into, begin(bytes.size()));
  GRAPHITE_CHECK(into->append(bytes));
  return into->commit(chunks);
}

result<std::unique_ptr<content_writer>> folder_contents::begin(std::uint64_t) {
  fs::path path;
  {
    const std::lock_guard lock(mutex_);
    path = folder_ / fmt::format("partial-{}", ++last_);
  }
  GRAPHITE_TRY(auto file, new_file::make(path));
  return std::make_unique<writer>(*this, path, std::move(file));
}

result<std::optional<stored_content>> folder_contents::find(const digest& content) const {
  const std::lock_guard lock(mutex_);
  const auto found = all_.find(content);
  return found == all_.end() ? std::nullopt : std::optional(found->second);
}

result<void> folder_contents::read(const digest& content, std::uint64_t offset,
                                   std::span<std::byte> out) const {
  GRAPHITE_TRY(const auto known, find(content));
  if (!known) return fail(errc::not_found, "content " + to_hex(content) + " is not here");
  return writer::read_at(file_of(content), offset, out);
}

}  // namespace graphite
