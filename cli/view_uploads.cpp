#include "cli/view_uploads.hpp"

#include <algorithm>
#include <utility>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "platform/linux/thread_name.hpp"

namespace graphite {

namespace {

constexpr std::size_t folders_at_once = 64;

/// Whether the file is still what the view says of it.
bool is_still(const file_reader& files, const logical_path& path, const content_ref& content,
              const hasher& hash) {
  const auto file = files.open(path);
  if (!file) return false;
  content_builder builder(hash);
  byte_vector buffer(MiB);
  while (true) {
    const auto got = read_full(**file, buffer);
    if (!got) return false;
    builder.feed(byte_span(buffer).first(*got));
    if (*got < buffer.size()) break;
  }
  return content_of(builder.finish(), hash) == content;
}

}  // namespace

view_uploads::view_uploads(ports with)
    : with_(std::move(with)),
      contents_([this](const digest& content) { return find(content); }, with_.files),
      thread_([this] {
        name_thread("view-uploads");
        run();
      }) {}

view_uploads::~view_uploads() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void view_uploads::bring(bool thorough, std::function<void(result<view_state>)> done) {
  {
    const std::lock_guard lock(mutex_);
    asked_ = asked{thorough, std::move(done)};
  }
  changed_.notify_all();
}

void view_uploads::run() {
  while (true) {
    std::optional<asked> what;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return ending_ || asked_; });
      if (ending_) return;
      what = std::exchange(asked_, std::nullopt);
    }
    auto how = bring_all(what->thorough);
    {
      const std::lock_guard lock(mutex_);
      if (ending_) return;
    }
    what->done(std::move(how));
  }
}

result<view_state> view_uploads::bring_all(bool thorough) {
  brought_ = brought_bytes_ = 0;
  if (thorough) with_.view.ask_for_walk();
  if (with_.view.begin_walk()) {
    if (auto walked = walk(thorough); !walked) {
      with_.view.ask_for_walk();
      return tl::unexpected<error>(std::move(walked).error());
    }
  }
  const auto taken = with_.view.take();
  if (auto delivered = deliver(taken.contents); !delivered) {
    with_.view.ask_for_walk();
    return tl::unexpected<error>(std::move(delivered).error());
  }
  return taken.state;
}

/// Folders are brought after all files, those below others first: who has a folder has what it leads to.
result<void> view_uploads::walk(bool thorough) {
  std::vector<std::string> next{""}, lacking;
  while (!next.empty()) {
    const auto count = std::min(next.size(), folders_at_once);
    std::vector<std::string> some(std::make_move_iterator(next.end() - static_cast<std::ptrdiff_t>(count)),
                                  std::make_move_iterator(next.end()));
    next.resize(next.size() - count);
    GRAPHITE_CHECK(walk_folders(std::move(some), thorough, next, lacking));
  }
  // Each was found after the one that it lies in.
  for (auto folder = lacking.rbegin(); folder != lacking.rend(); ++folder) {
    delivery objects;
    for (auto& [name, bytes] : with_.view.look_into(*folder).objects)
      objects.emplace_back(name, std::move(bytes));
    GRAPHITE_CHECK(bring_lacking(std::move(objects)));
  }
  return {};
}

result<void> view_uploads::walk_folders(std::vector<std::string> folders, bool thorough,
                                        std::vector<std::string>& next, std::vector<std::string>& lacking) {
  for (auto& folder : folders) {
    auto look = with_.view.look_into(folder);
    std::vector<content_ref> objects;
    for (const auto& [name, bytes] : look.objects) objects.push_back(name);
    bool there = true;
    for (std::size_t at = 0; at < objects.size() && there; at += asked_max) {
      const auto part = std::span(objects).subspan(at, std::min(asked_max, objects.size() - at));
      GRAPHITE_TRY(const auto have, calls_.have(part));
      there = std::find(have.begin(), have.end(), false) == have.end();
    }
    if (there && !thorough) continue;
    delivery files;
    for (auto& one : look.files)
      if (one.content.size > 0) files.emplace_back(one.content, std::move(one.path));
    GRAPHITE_CHECK(bring_lacking(std::move(files)));
    for (auto& one : look.folders) next.push_back(std::move(one));
    lacking.push_back(std::move(folder));
  }
  return {};
}

result<void> view_uploads::bring_lacking(delivery all) {
  delivery missing;
  for (std::size_t at = 0; at < all.size(); at += asked_max) {
    const auto count = std::min(asked_max, all.size() - at);
    std::vector<content_ref> part;
    for (std::size_t i = 0; i < count; ++i) part.push_back(all[at + i].first);
    GRAPHITE_TRY(const auto have, calls_.have(part));
    for (std::size_t i = 0; i < count; ++i)
      if (!have.at(i)) missing.push_back(std::move(all[at + i]));
  }
  return deliver(missing);
}

result<void> view_uploads::deliver(const delivery& all) {
  for (std::size_t from = 0; from < all.size();) {
    auto to = from;
    for (std::uint64_t bytes = 0; to < all.size() && to - from < sent_max; ++to) {
      bytes += all[to].first.size;
      if (to > from && bytes > sent_bytes_max) break;
    }
    GRAPHITE_CHECK(send(std::span(all).subspan(from, to - from)));
    from = to;
  }
  return {};
}

result<void> view_uploads::send(std::span<const delivery::value_type> part) {
  sending_.clear();
  contents_.forget();
  std::vector<content_ref> names;
  for (const auto& [content, where] : part)
    if (sending_.try_emplace(content.id, content, &where).second) names.push_back(content);
  auto brought = calls_.bring(names);
  if (!brought && (brought.error().code == errc::busy || brought.error().code == errc::corrupt)) {
    find_changed(part);
    return fail(errc::busy, "files changed while they were uploaded");
  }
  if (!brought) return brought;
  brought_ += names.size();
  for (const auto& one : names) brought_bytes_ += one.size;
  with_.progress(brought_, brought_bytes_);
  return {};
}

/// Those whose change nobody tells of are found here.
void view_uploads::find_changed(std::span<const delivery::value_type> part) {
  std::vector<std::string> paths;
  for (const auto& [content, where] : part) {
    const auto* path = std::get_if<logical_path>(&where);
    if (path != nullptr && !is_still(with_.files, *path, content, with_.hash)) paths.push_back(path->str());
  }
  if (!paths.empty()) with_.reread(std::move(paths));
}

std::optional<snapshot_contents::place> view_uploads::find(const digest& content) const {
  const auto found = sending_.find(content);
  if (found == sending_.end()) return std::nullopt;
  return snapshot_contents::place{found->second.first.size, *found->second.second};
}

}  // namespace graphite
