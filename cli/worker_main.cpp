// The program `graphite-worker`: forks the processes that built-in transforms run in. Started by whoever
// builds, with a socket as its standard input; it is no command for people.
#include <fmt/format.h>
#include <malloc.h>
#include <sys/socket.h>

#include <cstdio>

#include "cli/simd_choice.hpp"
#include "cli/worker_options.hpp"
#include "kernels/processor_arithmetic.hpp"
#include "platform/linux/buffer_pool.hpp"
#include "platform/linux/loaded_libraries.hpp"
#include "platform/worker/worker_server.hpp"
#include "transforms/preview.hpp"
#include "transforms/registry.hpp"

namespace {

using namespace graphite;

/// What a transform asks for, from the pool.
class asked_files final : public transform_files {
 public:
  explicit asked_files(worker_files& from) : from_(from) {}
  result<byte_span> read(const logical_path& path) override { return from_.read(path); }

 private:
  worker_files& from_;
};

// Of each worker, kept from task to task: what the levels of a picture of 3,500² take.
constexpr auto memory_bytes_max = 64 * MiB;
// Larger blocks come from the system and go back to it.
constexpr auto heap_block_bytes_max = 32 * MiB;

result<worker_product> run_transform(const encoded_task& task, byte_span main, worker_files& files,
                                     parallel_calls& threads, buffers& memory) {
  // A preview is for people: what `graphite preview` may ask for, and no rule.
  const bool preview = task.transform == preview_description().name;
  const auto* const what = preview ? &preview_description() : find_built_in(task.transform);
  const auto function = preview ? run_preview : built_in_function(task.transform);
  if (what == nullptr || function == nullptr || what->version != task.version)
    return fail(errc::unsupported, "graphite-worker is of another version than the program that uses it");
  GRAPHITE_TRY(const auto path, logical_path::parse(task.path));
  asked_files asked(files);
  GRAPHITE_TRY(auto made, function({path, main, task.options, task.outputs, asked, threads, memory}));
  worker_product out;
  out.warnings = std::move(made.warnings);
  for (auto& asset : made.assets) out.assets.push_back({std::move(asset.path), std::move(asset.parts)});
  return out;
}

/// What else decides the bytes that each of some transforms makes: TRANSFORM, LIBRARY and which build of it,
/// a line each. Errors: not_found, io.
result<std::string> libraries_of(const std::vector<std::string_view>& transforms) {
  std::string out;
  for (const auto transform : transforms) {
    const auto* const what = find_built_in(transform);
    if (what == nullptr) continue;
    GRAPHITE_TRY(auto all, loaded_libraries(what->libraries));
    all.merge(static_libraries(transform));
    if (what->processor_matters)
      all.emplace("the processor", fmt::format("{:016x}", mark_of(traits_of_processor())));
    for (const auto& [name, build] : all) out += fmt::format("{}\t{}\t{}\n", transform, name, build);
  }
  return out;
}

int print_libraries(const std::vector<std::string_view>& transforms) {
  const auto lines = libraries_of(transforms);
  if (!lines) return std::fprintf(stderr, "%s\n", lines.error().context.c_str()), 1;
  std::fputs(lines->c_str(), stdout);
  return 0;
}

/// Pictures come and go, and pages that the C library gives back are paid for again: each fault clears one.
/// So it keeps some, up to a bound.
void keep_heap() {
  ::mallopt(M_MMAP_THRESHOLD, static_cast<int>(heap_block_bytes_max));
  ::mallopt(M_TRIM_THRESHOLD, static_cast<int>(memory_bytes_max));
}

/// Where something is wrong every task says so: whoever waits for an asset need not look for a log.
int serve_refusals(const error& why) {
  std::fprintf(stderr, "graphite-worker: %s\n", why.context.c_str());
  const auto refuse = [&](const encoded_task&, byte_span, worker_files&,
                          parallel_calls&) -> result<worker_product> { return tl::unexpected(why); };
  return serve_workers(0, refuse, [] {});
}

}  // namespace

/// As the server of workers, the arguments name transforms that are likely to be used, ascending.
int main(int argc, char** argv) {
  std::vector<std::string_view> arguments(argv + 1, argv + argc);
  std::string_view made_for;
  if (!arguments.empty() && arguments.front() == libraries_option) {
    arguments.erase(arguments.begin());
    return print_libraries(arguments);
  }
  if (!arguments.empty() && arguments.front().starts_with(made_for_option)) {
    made_for = arguments.front().substr(made_for_option.size());
    arguments.erase(arguments.begin());
  }
  sockaddr_storage other{};
  socklen_t size = sizeof other;
  if (::getsockname(0, reinterpret_cast<sockaddr*>(&other), &size) != 0 || other.ss_family != AF_UNIX) {
    std::fprintf(
        stderr,
        "graphite-worker runs built-in transforms for `graphite build` and `graphite dev`, which start it.\n"
        "See `graphite transforms` for what there is.\n");
    return 2;
  }
  if (const auto simd = choose_simd_target(); !simd)
    return serve_refusals({errc::unsupported, simd.error().context});
  if (!made_for.empty()) {
    const auto lines = libraries_of(arguments);
    if (!lines) return serve_refusals(lines.error());
    if (made_for != libraries_mark(*lines))
      return serve_refusals({errc::unsupported,
                             "the libraries of graphite-worker were changed while the service "
                             "or build ran: start it again"});
  }
  keep_heap();
  // Empty when workers are forked: each fills its own.
  buffer_pool memory({.bytes_max = memory_bytes_max});
  const auto run = [&](const encoded_task& task, byte_span from, worker_files& files,
                       parallel_calls& threads) { return run_transform(task, from, files, threads, memory); };
  return serve_workers(0, run, [&] {
    for (const auto one : arguments) warm_up_transform(one);
  });
}
