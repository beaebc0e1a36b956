#include "node/attempt.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/glob.hpp"
#include "core/text_tail.hpp"
#include "node/content_copy.hpp"
#include "node/declared_outputs.hpp"
#include "node/worker_attempt.hpp"

namespace graphite {

namespace {

constexpr std::size_t log_bytes_max = 16 * KiB;
constexpr std::size_t hidden_named_max = 4;

/// Why an attempt ended early.
struct early_end {
  attempt_status status;
  std::string message;
};
template <class T>
using step = tl::expected<T, early_end>;

tl::unexpected<early_end> end(attempt_status status, std::string message) {
  return tl::unexpected(early_end{status, std::move(message)});
}

/// A failure of our own side: retried later, unless somebody asked for it.
tl::unexpected<early_end> ours(const error& e) {
  return end(e.code == errc::cancelled ? attempt_status::cancelled : attempt_status::refused, e.context);
}

/// A failure of what the user's rule asks for.
tl::unexpected<early_end> theirs(const error& e) {
  switch (e.code) {
    case errc::not_found:
    case errc::permission_denied:
    case errc::invalid_argument:
    case errc::too_large:
    case errc::corrupt:
    case errc::action_failed:
      return end(attempt_status::failed, e.context);
    default:
      return ours(e);
  }
}

std::string joined_log(const process_outcome& outcome) {
  auto out = last_lines(outcome.out, log_bytes_max / 2 - 1);
  if (!out.empty() && out.back() != '\n') out += '\n';
  return out + last_lines(outcome.err, log_bytes_max / 2);
}

/// One attempt on its way; each step leaves what the next needs.
class execution {
 public:
  struct how {
    bool roomy = false;
    bool tells_reads = false;  ///< the run is for reads() alone
  };
  execution(const attempt_runner::ports& ports, const attempt_options& options, const attempt_spec& spec,
            const cancel_token& cancel, how run)
      : ports_(ports), options_(options), spec_(spec), cancel_(cancel), tells_reads_(run.tells_reads) {
    need_.roomy = run.roomy;
    for (const auto& input : spec.inputs) need_.input_bytes += input.content.size;
    out_.action = spec.action;
    out_.attempt = spec.attempt;
  }

  attempt_result run() {
    const auto done = all_steps();
    if (done) {
      out_.status = attempt_status::succeeded;
    } else {
      out_.status = done.error().status;
      out_.message = last_lines(done.error().message, log_bytes_max);
      out_.outputs.clear();
      out_.discovered.reset();
    }
    return std::move(out_);
  }

  /// After run(): whether its scratch folder was too small, so that its result says nothing.
  bool outgrew() const { return outgrew_; }

  /// After run(): whether the tool said no by itself, in a sandbox that may be why.
  bool may_miss_files() const { return said_no_ && hides_files(out_.sandbox); }

  /// After run() with tells_reads: what the tool asked for and was not shown, in words; empty: nothing.
  std::string missed() const {
    std::set<logical_path> asked;
    for (const auto& path : reads_)
      if (auto logical = ports_.transform.logical(path, place_)) asked.insert(std::move(*logical));
    for (const auto& input : spec_.inputs) asked.erase(input.path);
    if (entries_)
      for (const auto& entry : *entries_)
        if (const auto made = logical_path::parse(entry.path)) asked.erase(*made);
    std::string out;
    if (const auto names = undeclared({asked.begin(), asked.end()}); !names.empty())
      out = fmt::format("; it tried to read what is not among the rule's inputs: {}", names);
    std::string elsewhere;
    std::size_t count = 0;
    for (const auto& path : hidden_) {
      if (ports_.transform.logical(path, place_) || ++count > hidden_named_max) continue;
      elsewhere += (elsewhere.empty() ? "" : ", ") + path;
    }
    if (!elsewhere.empty())
      out += fmt::format("; the sandbox did not show it {} (sandbox_read in [project] would)", elsewhere);
    return out;
  }

 private:
  step<void> all_steps() {
    if (cancel_.cancelled()) return end(attempt_status::cancelled, "cancelled before it began");
    auto folder = ports_.scratch.create(need_);
    if (!folder) return ours(folder.error());
    scratch_ = std::move(*folder);
    place_ = {scratch_->path(), scratch_->temporary_path(), options_.view_folder};
    return fill_folder()
        .and_then([this] { return run_tool(); })
        .and_then([this] { return read_depfile(); })
        .and_then([this] { return take_outputs(); });
  }

  bool small() const { return scratch_->file_bytes_max() != 0; }

  step<void> fill_folder() {
    auto done = prepare().and_then([this] { return place_inputs(); });
    outgrew_ = !done && small() && scratch_->short_of_space();
    return done;
  }

  step<void> prepare() {
    GRAPHITE_INVARIANT(spec_.command != nullptr);
    auto plan = ports_.transform.plan(spec_, place_);
    if (!plan) return theirs(plan.error());
    plan_ = std::move(*plan);
    plan_.process.nice = options_.nice;
    plan_.process.file_bytes_max = scratch_->file_bytes_max();
    plan_.process.tells_reads = tells_reads_;
    auto outputs = declared_outputs::make(spec_, plan_.depfile);
    if (!outputs) return theirs(outputs.error());
    outputs_ = std::move(*outputs);
    for (const auto& path : outputs_.places())
      if (const auto made = scratch_->create_folder_of(path); !made) return ours(made.error());
    return {};
  }

  step<void> place_inputs() {
    for (const auto& input : spec_.inputs) {
      if (cancel_.cancelled()) return end(attempt_status::cancelled, "cancelled while inputs were copied");
      if (auto placed = input.generated ? place_generated(input) : place_source(input); !placed)
        return placed;
    }
    return {};
  }

  step<void> place_source(const attempt_input& input) {
    const auto file = ports_.view.open(input.path);
    if (!file && file.error().code == errc::not_found)
      return end(attempt_status::stale_input, file.error().context);
    if (!file) return ours(file.error());
    const auto copied = copy_source_in(**file, input.content, input.path, *scratch_, ports_.hash, cancel_);
    if (!copied && copied.error().code == errc::corrupt)
      return end(attempt_status::stale_input, copied.error().context);
    if (!copied) return ours(copied.error());
    return {};
  }

  step<void> place_generated(const attempt_input& input) {
    const auto copied = copy_stored_in(ports_.store, stored_contents(input.content, input.parts), input.path,
                                       *scratch_, ports_.hash, cancel_);
    if (!copied)
      return ours(
          {copied.error().code, fmt::format("input {}: {}", input.path.str(), copied.error().context)});
    return {};
  }

  step<void> run_tool() {
    auto ran = ports_.processes.run(plan_.process, cancel_);
    if (!ran)
      return theirs({ran.error().code, fmt::format("{}: {}", spec_.main_input.str(), ran.error().context)});
    out_.wall = ran->wall;
    out_.cpu = ran->cpu;
    out_.sandbox = ran->sandbox;
    reads_ = std::move(ran->reads);
    hidden_ = std::move(ran->hidden);
    out_.log = joined_log(*ran);
    if (ran->cancelled) return end(attempt_status::cancelled, "cancelled while the tool ran");
    entries_ = scratch_->list(options_.entries_max);
    outgrew_ = small() && (ran->file_too_large || !ran->over_limit.empty() || scratch_->short_of_space() ||
                           has_large_file() || tells_of_space(out_.log));
    if (outgrew_) return end(attempt_status::refused, "its small scratch folder was too small");
    auto why = ports_.transform.failure(spec_, *ran);
    if (why.empty()) return {};
    said_no_ = !ran->timed_out && ran->over_limit.empty() && plan_.process.worker.empty() &&
               ran->wall <= options_.repeat_wall_max;
    return end(attempt_status::failed, std::move(why));
  }

  /// A file that may have been cut short, whatever the tool says of it.
  bool has_large_file() const {
    return entries_ && std::any_of(entries_->begin(), entries_->end(), [this](const scratch_entry& one) {
             return one.size >= scratch_->file_bytes_max();
           });
  }

  static bool tells_of_space(const std::string& log) {
    return log.find("No space left on device") != std::string::npos ||
           log.find("File too large") != std::string::npos;
  }

  step<void> read_depfile() {
    if (!plan_.depfile) return {};
    const auto text = text_of(*plan_.depfile);
    if (!text)
      return theirs(
          {text.error().code, fmt::format("{}: the depfile {} cannot be read: {}", spec_.main_input.str(),
                                          plan_.depfile->str(), text.error().context)});
    auto found = ports_.transform.discovered(spec_, place_, *text);
    if (!found)
      return theirs({found.error().code, fmt::format("{}: {}: {}", spec_.main_input.str(),
                                                     plan_.depfile->str(), found.error().context)});
    if (const auto names = undeclared(found->others); !names.empty())
      return end(attempt_status::failed,
                 fmt::format("{}: {} says that files of the project were read that are not among the rule's "
                             "inputs: {}",
                             spec_.main_input.str(), plan_.depfile->str(), names));
    out_.discovered = std::move(found->inputs);
    return {};
  }

  /// Those of `read` that are files of the view, with what to write for each: a change of them would go
  /// unseen. Others are the tool's own.
  std::string undeclared(const std::vector<logical_path>& read) const {
    constexpr std::size_t named_max = 8;
    std::string out;
    std::size_t count = 0;
    for (const auto& path : read) {
      if (!ports_.view.open(path) || ++count > named_max) continue;
      const auto folder = std::string(path.folder()) + (path.folder().empty() ? "" : "/");
      const auto kind =
          path.extension().empty() ? glob::quoted(path.file_name()) : "*" + glob::quoted(path.extension());
      out += fmt::format("{}{} (add \"{}{}\" to inputs)", out.empty() ? "" : ", ", path.str(),
                         glob::quoted(folder), kind);
    }
    return count > named_max ? fmt::format("{} and {} more", out, count - named_max) : out;
  }

  result<std::string> text_of(const logical_path& path) {
    GRAPHITE_TRY(const auto file, scratch_->open(path));
    GRAPHITE_TRY(const auto info, file->info());
    if (info.signature.size > options_.depfile_bytes_max)
      return fail(errc::too_large, fmt::format("more than {} bytes", options_.depfile_bytes_max));
    std::string out(info.signature.size, '\0');
    std::size_t done = 0;
    while (done < out.size()) {
      GRAPHITE_TRY(const auto count, file->read(std::as_writable_bytes(std::span(out).subspan(done))));
      if (count == 0) break;
      done += count;
    }
    out.resize(done);
    return out;
  }

  step<void> take_outputs() {
    if (!entries_) return theirs(entries_.error());
    const auto paths = outputs_.collect(*entries_);
    if (!paths)
      return theirs(
          {paths.error().code, fmt::format("{}: {}", spec_.main_input.str(), paths.error().context)});
    for (const auto& path : *paths)
      if (const auto stored = take_output(path); !stored)
        return ours({stored.error().code, fmt::format("output {}: {}", path.str(), stored.error().context)});
    return {};
  }

  result<void> take_output(const logical_path& path) {
    if (cancel_.cancelled()) return fail(errc::cancelled, "cancelled while outputs were stored");
    GRAPHITE_TRY(const auto file, scratch_->open(path));
    GRAPHITE_TRY(const auto info, file->info());
    GRAPHITE_TRY(const auto stored, store_file(*file, info.signature.size, options_.hold_bytes_max,
                                               ports_.store, ports_.hash, cancel_));
    out_.outputs.push_back({path, stored.content});
    return {};
  }

  const attempt_runner::ports& ports_;
  const attempt_options& options_;
  const attempt_spec& spec_;
  const cancel_token& cancel_;
  attempt_result out_;
  scratch_need need_;
  const bool tells_reads_;
  bool outgrew_ = false, said_no_ = false;
  std::vector<std::string> reads_, hidden_;
  result<std::vector<scratch_entry>> entries_;  ///< what the tool left
  std::unique_ptr<scratch_folder> scratch_;
  attempt_place place_;
  process_plan plan_;
  declared_outputs outputs_;
};

}  // namespace

attempt_result attempt_runner::run(const attempt_spec& spec, const cancel_token& cancel) const {
  if (spec.built_in)
    return run_worker_attempt({ports_.view, ports_.store, ports_.hash, ports_.workers}, spec,
                              options_.hold_bytes_max, cancel);
  const auto known = [&] {
    const std::lock_guard lock(mutex_);
    return roomy_rules_.contains(spec.rule);
  }();
  {
    execution first(ports_, options_, spec, cancel, {known, false});
    auto done = first.run();
    if (!first.outgrew()) return first.may_miss_files() ? explained(spec, cancel, std::move(done)) : done;
  }
  {
    const std::lock_guard lock(mutex_);
    roomy_rules_.insert(spec.rule);
  }
  execution second(ports_, options_, spec, cancel, {true, false});
  auto done = second.run();
  return second.may_miss_files() ? explained(spec, cancel, std::move(done)) : done;
}

attempt_result attempt_runner::explained(const attempt_spec& spec, const cancel_token& cancel,
                                         attempt_result failed) const {
  execution again(ports_, options_, spec, cancel, {true, true});
  // Whatever it comes to: what counts is the first run.
  (void)again.run();
  if (const auto why = again.missed(); !why.empty()) {
    const auto line_end = std::min(failed.message.find('\n'), failed.message.size());
    failed.message.insert(line_end, why);
  }
  return failed;
}

}  // namespace graphite
