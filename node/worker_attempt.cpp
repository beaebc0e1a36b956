#include "node/worker_attempt.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "bundle/chunk_list.hpp"
#include "bundle/chunker.hpp"
#include "bundle/part_list.hpp"
#include "core/text_tail.hpp"
#include "node/content_copy.hpp"
#include "node/declared_outputs.hpp"

namespace graphite {

namespace {

constexpr std::size_t message_bytes_max = 16 * KiB;

/// Memory that somebody else may write to, read as a file is: each byte once.
class memory_file final : public open_file {
 public:
  explicit memory_file(byte_span bytes) : rest_(bytes) {}
  result<file_info> info() const override { return file_info{}; }
  result<std::size_t> read(std::span<std::byte> out) override {
    const auto count = std::min(out.size(), rest_.size());
    if (count > 0) std::memcpy(out.data(), rest_.data(), count);
    rest_ = rest_.subspan(count);
    return count;
  }

 private:
  byte_span rest_;
};

/// One attempt's side of the conversation with its worker.
class attempt_exchange final : public worker_exchange {
 public:
  attempt_exchange(const worker_attempt_ports& with, const attempt_spec& spec, output_set names,
                   std::uint64_t hold_bytes_max, const cancel_token& cancel)
      : with_(with),
        spec_(spec),
        names_(std::move(names)),
        hold_bytes_max_(hold_bytes_max),
        cancel_(cancel) {}

  result<void> load(const logical_path& path, const placing& place) override {
    const auto found = std::ranges::lower_bound(spec_.inputs, path, {}, &attempt_input::path);
    if (found == spec_.inputs.end() || found->path != path)
      return fail(errc::not_found, path.str() + " is not among the inputs");
    if (path != spec_.main_input) discovered_.insert(path);
    GRAPHITE_TRY(const auto memory, place(found->content.size));
    return found->generated ? load_stored(*found, memory) : load_source(*found, memory);
  }

  result<void> take(const logical_path& path, std::span<const byte_span> parts) override {
    if (!names_.declares(path.str()))
      return fail(errc::action_failed,
                  "the transform made a file that the rule does not declare as an output: " + path.str());
    if (outputs_.contains(path)) return fail(errc::action_failed, "made twice: " + path.str());
    attempt_output out{path, {}, {}};
    for (const auto& part : parts) {
      memory_file file(part);
      GRAPHITE_TRY(const auto stored,
                   store_file(file, part.size(), hold_bytes_max_, with_.store, with_.hash, cancel_));
      out.parts.push_back(stored.content);
    }
    out.content = out.parts.size() == 1 ? out.parts.front() : content_of_parts(out.parts, with_.hash);
    if (out.parts.size() == 1) out.parts.clear();
    outputs_.emplace(path, std::move(out));
    return {};
  }

  bool stale() const { return stale_; }

  /// The outputs, ascending, where they are those that the rule declares. Errors: action_failed.
  result<std::vector<attempt_output>> outputs() {
    std::vector<scratch_entry> entries;
    for (const auto& [path, output] : outputs_)
      entries.push_back({path.str(), file_kind::regular, output.content.size});
    GRAPHITE_TRY(const auto declared, declared_outputs::make(spec_, std::nullopt));
    GRAPHITE_CHECK(declared.collect(entries));
    std::vector<attempt_output> out;
    for (auto& [path, output] : outputs_) out.push_back(std::move(output));
    return out;
  }

  std::vector<logical_path> discovered() const { return {discovered_.begin(), discovered_.end()}; }

 private:
  result<void> load_source(const attempt_input& input, std::span<std::byte> memory) {
    const auto changed = [&] {
      stale_ = true;
      return fail(errc::corrupt, "the bytes of " + input.path.str() + " are not those of the revision");
    };
    const auto file = with_.view.open(input.path);
    if (!file && file.error().code == errc::not_found) return changed();
    if (!file) return tl::unexpected(file.error());
    GRAPHITE_TRY(const auto count, read_full(**file, memory));
    std::byte more{};
    GRAPHITE_TRY(const auto beyond, (*file)->read({&more, 1}));
    const bool same = count == memory.size() && beyond == 0 &&
                      content_of(chunk_bytes(memory, with_.hash), with_.hash) == input.content;
    return same ? result<void>() : changed();
  }

  result<void> load_stored(const attempt_input& input, std::span<std::byte> memory) {
    std::uint64_t done = 0;
    for (const auto& part : stored_contents(input.content, input.parts)) {
      const auto into = memory.subspan(done, part.size);
      // One that the store has lost is no file that is not there: the transform is not told so.
      if (const auto read = into.empty() ? result<void>() : with_.store.read(part.id, 0, into); !read)
        return fail(errc::io, fmt::format("input {}: {}", input.path.str(), read.error().context));
      if (content_of(chunk_bytes(into, with_.hash), with_.hash) != part)
        return fail(errc::io,
                    fmt::format("input {}: its stored bytes are not what they were", input.path.str()));
      done += part.size;
    }
    return {};
  }

  const worker_attempt_ports& with_;
  const attempt_spec& spec_;
  const output_set names_;
  const std::uint64_t hold_bytes_max_;
  const cancel_token& cancel_;
  std::set<logical_path> discovered_;
  std::map<logical_path, attempt_output> outputs_;
  bool stale_ = false;
};

/// The path is not said twice.
std::string about(const attempt_spec& spec, const std::string& text) {
  const auto& path = spec.main_input.str();
  return last_lines(text.starts_with(path + ":") ? text : path + ": " + text, message_bytes_max);
}

attempt_status status_of(const error& e) {
  switch (e.code) {
    case errc::cancelled:
      return attempt_status::cancelled;
    case errc::unsupported:
    case errc::too_large:
    case errc::action_failed:
      return attempt_status::failed;
    default:
      return attempt_status::refused;
  }
}

}  // namespace

attempt_result run_worker_attempt(const worker_attempt_ports& with, const attempt_spec& spec,
                                  std::uint64_t hold_bytes_max, const cancel_token& cancel) {
  GRAPHITE_INVARIANT(spec.built_in != nullptr);
  attempt_result out;
  out.action = spec.action;
  out.attempt = spec.attempt;
  const auto end = [&](attempt_status how, std::string message) {
    out.status = how;
    out.message = about(spec, message);
    return std::move(out);
  };
  auto names = output_set::make(spec.outputs);
  if (!names) return end(attempt_status::failed, names.error().context);
  attempt_exchange exchange(with, spec, std::move(*names), hold_bytes_max, cancel);
  const auto ran = with.workers.run({*spec.built_in, spec.main_input, spec.outputs}, exchange, cancel);
  if (exchange.stale())
    return end(attempt_status::stale_input, ran ? "an input changed" : ran.error().context);
  if (!ran) return end(status_of(ran.error()), ran.error().context);
  out.wall = ran->wall;
  out.cpu = ran->cpu;
  if (ran->failure) return end(attempt_status::failed, ran->failure->context);
  out.log = last_lines(ran->warnings, message_bytes_max);
  auto outputs = exchange.outputs();
  if (!outputs) return end(attempt_status::failed, outputs.error().context);
  out.outputs = std::move(*outputs);
  if (!spec.built_in->inputs.empty()) out.discovered = exchange.discovered();
  out.status = attempt_status::succeeded;
  return out;
}

}  // namespace graphite
