#include "platform/linux/tree_scan.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#include "core/logical_path.hpp"
#include "core/path_text.hpp"
#include "platform/linux/beneath.hpp"
#include "platform/linux/folder_scan.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/linux/thread_name.hpp"

namespace graphite {

namespace {

constexpr std::size_t link_depth_max = 8;

/// A folder to list. `real` differs from `path` behind a followed link; `hops` are the real folders that
/// those links lay in.
struct task {
  std::string path, real;
  std::vector<std::string> hops;
};

/// Folders still to list, shared by the threads. Ends when all of them wait.
class task_queue {
 public:
  explicit task_queue(unsigned threads) : threads_(threads) {}

  void push(std::vector<task>& more) {
    if (more.empty()) return;
    const std::lock_guard lock(mutex_);
    for (auto& t : more) tasks_.push_back(std::move(t));
    more.clear();
    changed_.notify_all();
  }

  bool pop(task& out) {
    std::unique_lock lock(mutex_);
    if (++idle_ == threads_ && tasks_.empty()) changed_.notify_all();
    changed_.wait(lock, [&] { return !tasks_.empty() || idle_ == threads_; });
    if (tasks_.empty()) return false;
    --idle_;
    out = std::move(tasks_.back());
    tasks_.pop_back();
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<task> tasks_;
  unsigned threads_, idle_ = 0;
};

/// What all threads of a scan share; immutable but for the counter.
struct scan_context {
  const tree_scan_options& options;
  int root;
  std::string root_path;  ///< without links
  std::atomic<std::size_t> folder_links{0};

  bool pruned(std::string_view folder) const { return options.prune && options.prune(folder); }
  bool wanted(std::string_view path) const { return !options.wanted || options.wanted(path); }
};

std::optional<skip_reason> name_problem(std::string_view name, std::size_t path_bytes) {
  bool ascii = true;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || c == '\\') return skip_reason::bad_name;
    ascii = ascii && byte < 0x80;
  }
  if (!ascii && !is_utf8(name)) return skip_reason::not_utf8;
  if (path_bytes > logical_path::bytes_max) return skip_reason::bad_name;
  return {};
}

/// Lists folders, one at a time, into its own share of the listing.
class scan_worker {
 public:
  explicit scan_worker(scan_context& context) : context_(context) {}

  void list(const task& t, std::vector<task>& more);
  tree_listing take() { return std::move(out_); }

 private:
  struct candidate {
    const raw_entry* entry;
    bool folder;
  };

  void tell_marked(const task& t) const;
  void choose(const task& t);
  void enter(const task& t, std::string_view name, std::vector<task>& more) const;
  void add_file(std::string_view name, const file_info& info);
  void take_file(int folder, const task& t, const raw_entry& e);
  void take_link(int folder, const task& t, const raw_entry& e, std::vector<task>& more);
  void follow(const task& t, std::string_view name, int target, std::vector<task>& more);
  void follow_folder(const task& t, std::string path, std::string target, std::vector<task>& more);
  void skip(std::string path, skip_reason why, std::string detail = {});

  scan_context& context_;
  folder_names names_;
  std::string path_;  ///< of the entry in hand
  std::vector<candidate> candidates_;
  scanned_folder now_;
  std::int64_t checked_ns_ = 0;
  tree_listing out_;
};

void scan_worker::skip(std::string path, skip_reason why, std::string detail) {
  if (out_.skipped.size() < context_.options.skipped_max)
    out_.skipped.push_back({std::move(path), why, std::move(detail)});
}

void scan_worker::list(const task& t, std::vector<task>& more) {
  const auto fd = open_beneath(context_.root, t.real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!fd) {
    if (fd.error().code != errc::not_found) skip(t.path, skip_reason::unreadable, fd.error().context);
    return;
  }
  checked_ns_ = coarse_now_ns();
  if (const int failed = names_.read(fd->get()); failed != 0)
    return skip(t.path, skip_reason::unreadable, std::generic_category().message(failed));
  tell_marked(t);
  choose(t);
  now_ = {};
  now_.path = t.path;
  for (const auto& c : candidates_) {
    if (c.folder)
      enter(t, names_.name(*c.entry), more);
    else if (c.entry->type == DT_LNK)
      take_link(fd->get(), t, *c.entry, more);
    else
      take_file(fd->get(), t, *c.entry);
  }
  if (now_.files.empty()) return;
  std::sort(now_.files.begin(), now_.files.end(),
            [&](const auto& a, const auto& b) { return now_.name_of(a) < now_.name_of(b); });
  out_.file_count += now_.files.size();
  out_.folders.push_back(std::move(now_));
}

void scan_worker::tell_marked(const task& t) const {
  const auto& options = context_.options;
  if (!options.marked) return;
  const auto& entries = names_.entries();
  if (std::any_of(entries.begin(), entries.end(),
                  [&](const raw_entry& e) { return names_.name(e) == options.marker; }))
    options.marked(t.path);
}

/// Fills candidates_ with the entries that count.
void scan_worker::choose(const task& t) {
  candidates_.clear();
  path_ = t.path;
  if (!path_.empty()) path_.push_back('/');
  const auto prefix = path_.size();
  for (const auto& e : names_.entries()) {
    const auto name = names_.name(e);
    path_.resize(prefix);
    path_.append(name);
    const bool folder = e.type == DT_DIR;
    if (folder && (!context_.options.recursive || context_.pruned(path_))) continue;
    // A link may lead to a folder, whose own name need not be wanted.
    if (!folder && !context_.wanted(path_) && (e.type != DT_LNK || context_.pruned(path_))) continue;
    if (const auto problem = name_problem(name, path_.size()))
      skip(path_, *problem);
    else if (!folder && e.type != DT_REG && e.type != DT_LNK)
      skip(path_, skip_reason::special_file);
    else
      candidates_.push_back({&e, folder});
  }
}

void scan_worker::enter(const task& t, std::string_view name, std::vector<task>& more) const {
  more.push_back({join_path(t.path, name), join_path(t.real, name), t.hops});
}

void scan_worker::add_file(std::string_view name, const file_info& info) {
  now_.files.push_back({static_cast<std::uint32_t>(now_.names.size()),
                        static_cast<std::uint16_t>(name.size()), info.signature});
  now_.names.append(name);
}

void scan_worker::take_file(int folder, const task& t, const raw_entry& e) {
  struct ::stat raw {};
  if (::fstatat(folder, names_.c_name(e), &raw, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT)
      skip(join_path(t.path, names_.name(e)), skip_reason::unreadable,
           std::generic_category().message(errno));
    return;
  }
  const auto info = make_file_info(raw, checked_ns_);
  if (info.kind == file_kind::regular) add_file(names_.name(e), info);
}

void scan_worker::take_link(int folder, const task& t, const raw_entry& e, std::vector<task>& more) {
  const auto name = names_.name(e);
  const auto target = open_beneath(context_.root, join_path(t.real, name), O_PATH);
  if (target) return follow(t, name, target->get(), more);
  auto path = join_path(t.path, name);
  if (!context_.wanted(path)) return;
  struct ::stat raw {};
  const bool loops = ::fstatat(folder, names_.c_name(e), &raw, 0) != 0 && errno == ELOOP;
  switch (target.error().code) {
    case errc::not_found:
      return skip(std::move(path), skip_reason::link_dangles);
    case errc::invalid_argument:
      return skip(std::move(path), loops ? skip_reason::link_loops : skip_reason::link_leaves_root);
    default:
      return skip(std::move(path), skip_reason::unreadable, target.error().context);
  }
}

void scan_worker::follow(const task& t, std::string_view name, int target, std::vector<task>& more) {
  auto path = join_path(t.path, name);
  struct ::stat raw {};
  const auto where = relative_to(context_.root_path, path_of(target));
  if (::fstat(target, &raw) != 0 || !where.below) return;  // it vanished
  const auto info = make_file_info(raw, checked_ns_);
  if (info.kind == file_kind::folder) return follow_folder(t, std::move(path), where.path, more);
  if (!context_.wanted(path)) return;
  if (info.kind != file_kind::regular) return skip(std::move(path), skip_reason::special_file);
  if (context_.pruned(folder_of(where.path)))
    return skip(std::move(path), skip_reason::link_to_ignored, where.path);
  add_file(name, info);
  out_.links.push_back({std::move(path), where.path, false});
}

void scan_worker::follow_folder(const task& t, std::string path, std::string target,
                                std::vector<task>& more) {
  if (!context_.options.recursive || context_.pruned(path)) return;
  if (context_.pruned(target)) return skip(std::move(path), skip_reason::link_to_ignored, target);
  const auto leads_back = [&](std::string_view folder) { return is_at_or_below(folder, target); };
  if (leads_back(t.real) || std::any_of(t.hops.begin(), t.hops.end(), leads_back) ||
      t.hops.size() >= link_depth_max || ++context_.folder_links > context_.options.links_max)
    return skip(std::move(path), skip_reason::link_loops, target);
  auto hops = t.hops;
  hops.push_back(t.real);
  out_.links.push_back({path, target, true});
  more.push_back({std::move(path), std::move(target), std::move(hops)});
}

void run_worker(scan_context& context, task_queue& queue, tree_listing& out) {
  scan_worker worker(context);
  std::vector<task> more;
  for (task t; queue.pop(t); queue.push(more)) worker.list(t, more);
  out = worker.take();
}

template <class T>
void append(std::vector<T>& to, std::vector<T>& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

tree_listing merge(std::vector<tree_listing>& shares) {
  tree_listing out = std::move(shares.front());
  for (std::size_t i = 1; i < shares.size(); ++i) {
    append(out.folders, shares[i].folders);
    append(out.skipped, shares[i].skipped);
    append(out.links, shares[i].links);
    out.file_count += shares[i].file_count;
  }
  const auto by_path = [](const auto& a, const auto& b) { return a.path < b.path; };
  std::sort(out.folders.begin(), out.folders.end(), by_path);
  std::sort(out.skipped.begin(), out.skipped.end(), by_path);
  std::sort(out.links.begin(), out.links.end(), by_path);
  return out;
}

}  // namespace

std::string_view to_string(skip_reason why) {
  switch (why) {
    case skip_reason::link_leaves_root:
      return "is a link that leaves the folder";
    case skip_reason::link_dangles:
      return "is a link to nothing";
    case skip_reason::link_loops:
      return "is a link that leads back to itself";
    case skip_reason::link_to_ignored:
      return "is a link to something that is ignored";
    case skip_reason::special_file:
      return "is no regular file";
    case skip_reason::not_utf8:
      return "has a name that is not UTF-8";
    case skip_reason::bad_name:
      return "has a name with control characters or '\\', or too long a path";
    case skip_reason::unreadable:
      return "cannot be read";
  }
  return "is skipped";
}

result<tree_listing> scan_tree(const tree_scan_options& options) {
  GRAPHITE_TRY(const auto root, open_root_folder(options.root));
  scan_context context{options, root.get(), path_of(root.get())};
  const auto start = open_beneath(root.get(), options.below, O_PATH);
  if (!start || (!options.below.empty() && context.pruned(options.below))) return tree_listing{};
  const auto real = relative_to(context.root_path, path_of(start->get()));
  if (!real.below) return tree_listing{};
  const unsigned threads = std::clamp(options.threads, 1u, 64u);
  task_queue queue(threads);
  std::vector<task> first{{options.below, real.path, {}}};
  queue.push(first);
  std::vector<tree_listing> shares(threads);
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i)
    others.emplace_back([&context, &queue, &shares, i] {
      name_thread("tree-scan");
      run_worker(context, queue, shares[i]);
    });
  run_worker(context, queue, shares[0]);
  for (auto& thread : others) thread.join();
  return merge(shares);
}

}  // namespace graphite
