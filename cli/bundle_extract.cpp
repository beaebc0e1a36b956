#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include "cli/new_file.hpp"
#include "cli/opened_bundle.hpp"
#include "platform/linux/durable_file.hpp"
#include "platform/linux/owned_fd.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;

result<void> extract_asset(const opened_bundle& bundle, const located_asset& asset, const fs::path& folder,
                           parts_as how, extract_summary& summary) {
  const auto& parts = asset.record.parts;
  const std::string& name = asset.record.path.str();
  const bool apart = how == parts_as::files && parts.size() > 1;
  std::optional<new_file> file;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!file || apart) {
      GRAPHITE_TRY(file, new_file::make(folder / (apart ? fmt::format("{}.part{}", name, i) : name)));
      ++summary.files;
    }
    auto bytes = bundle.part(asset, i);
    if (!bytes) return fail(bytes.error().code, fmt::format("{}: {}", name, bytes.error().context));
    GRAPHITE_CHECK(file->append(*bytes));
    summary.bytes += bytes->size();
  }
  ++summary.assets;
  return {};
}

}  // namespace

result<extract_summary> extract_bundle(const opened_bundle& bundle, const std::string& folder,
                                       const asset_filter& wanted, parts_as how,
                                       const bytes_progress& progress) {
  GRAPHITE_CHECK(check_new_folder(folder));
  std::error_code code;
  temporary_path scratch(target_of(folder));
  if (!fs::create_directories(scratch.path(), code))
    return fail(errc::io, scratch.path().string() + ": cannot be made");
  extract_summary summary;
  result<void> failed;
  GRAPHITE_CHECK(bundle.tree->for_each([&](const located_asset& asset) {
    if (!wanted(asset.record.path.str())) return true;
    progress(summary.assets, asset.record.path.str());
    failed = extract_asset(bundle, asset, scratch.path(), how, summary);
    return failed.has_value();
  }));
  GRAPHITE_CHECK(failed);
  GRAPHITE_CHECK(scratch.keep());
  return summary;
}

result<export_summary> write_export(const opened_bundle& bundle, const std::string& file, bool replace) {
  std::error_code code;
  const fs::path target = target_of(file);
  if (fs::is_directory(target, code)) return fail(errc::invalid_argument, file + " is a folder");
  if (!replace && fs::exists(target, code))
    return fail(errc::already_exists, file + " exists: --force replaces it");
  temporary_path scratch(target);
  const owned_fd fd(::open(scratch.path().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (fd.get() < 0) return fail_errno(errno, scratch.path().string());
  std::uint64_t written = 0;
  const auto append = [&](byte_span bytes) {
    const auto at = std::exchange(written, written + bytes.size());
    return write_fully(fd.get(), bytes, at, file);
  };
  GRAPHITE_TRY(const export_summary summary,
               export_bundle(bundle.head, *bundle.tree, *bundle.contents, bundle.find, append));
  if (::fsync(fd.get()) != 0) return fail_errno(errno, file);
  GRAPHITE_CHECK(scratch.keep());
  return summary;
}

}  // namespace graphite
