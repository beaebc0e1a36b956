#include "transforms/shader_includes.hpp"

#include <fmt/format.h>

#include "core/digest.hpp"
#include "transforms/shader_compile.hpp"

namespace graphite {

using include_result = glslang::TShader::Includer::IncludeResult;

include_result* shader_includes::refuse(std::string why) {
  messages_.push_back(std::move(why));
  refused_.push_back(
      std::make_unique<include_result>("", messages_.back().data(), messages_.back().size(), nullptr));
  return refused_.back().get();
}

include_result* shader_includes::take(result<logical_path> path) {
  if (!path) return nullptr;
  const auto bytes = files_.read(*path);
  if (!bytes) {
    if (bytes.error().code == errc::not_found) return nullptr;
    return refuse(fmt::format("{}: {}", path->str(), bytes.error().context));
  }
  std::string chain = source_.str();
  bool cyclic = *path == source_;
  for (const auto& file : open_) {
    chain += " -> " + file.path.str();
    cyclic = cyclic || file.path == *path;
  }
  if (cyclic) return refuse(fmt::format("a file includes itself: {} -> {}", chain, path->str()));
  if (open_.size() >= shader_include_depth_max)
    return refuse(fmt::format("over {} includes in each other", shader_include_depth_max));
  bytes_ += bytes->size();
  if (++count_ > shader_includes_max || bytes->size() > shader_bytes_max ||
      bytes_ > shader_included_bytes_max)
    return refuse(fmt::format("over {} includes or {} MiB of them", shader_includes_max,
                              shader_included_bytes_max >> 20));
  const auto text = as_text(*bytes);
  if (text.find('\0') != text.npos) return refuse(fmt::format("{}: no text: it has a NUL byte", path->str()));
  if (macros_ != nullptr)
    if (const auto fits = macros_->take(text); !fits)
      return refuse(fmt::format("{}: {}", path->str(), fits.error().context));
  auto taken = std::make_unique<include_result>(path->str(), text.data(), text.size(), nullptr);
  open_.push_back({std::move(*path), std::move(taken)});
  return open_.back().taken.get();
}

include_result* shader_includes::search(const char* name) {
  for (const auto& folder : folders_) {
    // Resolved as from a file in the folder, so that `../` works and cannot leave the root.
    const auto beside = logical_path::parse(folder.empty() ? "file" : folder + "/file");
    if (!beside) return refuse(fmt::format("the folder `{}`: {}", folder, beside.error().context));
    if (auto* taken = take(beside->resolve(name))) return taken;
  }
  return refuse("there is no such file among the rule's inputs");
}

include_result* shader_includes::includeLocal(const char* name, const char*, size_t) {
  const auto& from = open_.empty() ? source_ : open_.back().path;
  auto* taken = take(from.resolve(name));
  if (taken == nullptr) taken = search(name);
  local_failed_ = taken->headerName.empty();
  return taken;
}

include_result* shader_includes::includeSystem(const char* name, const char*, size_t) {
  if (!std::exchange(local_failed_, false)) return search(name);
  return refused_.back().get();
}

void shader_includes::releaseInclude(IncludeResult* taken) {
  for (auto file = open_.rbegin(); file != open_.rend(); ++file)
    if (file->taken.get() == taken) {
      open_.erase(std::next(file).base());
      return;
    }
}

}  // namespace graphite
