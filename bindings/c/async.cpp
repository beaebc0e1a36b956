#include <unistd.h>

#include <algorithm>
#include <vector>

#include "bindings/c/internal.hpp"
#include "bindings/c/machine_functions.hpp"
#include "bindings/c/opened_file.hpp"

using namespace graphite;
using namespace graphite::c_api;

namespace {

/// Behind graphite_async_io_context::handle.
struct opened_io {
  std::unique_ptr<io_calls> calls;
  std::string name, reason;
  ::pid_t process = ::getpid();

  bool is_of_this_process() const { return process == ::getpid(); }
};

opened_io* io_of(const graphite_async_io_context* context) {
  return context == nullptr ? nullptr : static_cast<opened_io*>(context->handle);
}

graphite_result result_of(const io_completion& ended) {
  return ended.failed ? static_cast<graphite_result>(*ended.failed) : GRAPHITE_SUCCESS;
}

result<io_calls_options> options_of(const graphite_async_io_config& config) {
  constexpr std::uint32_t depth_max = 4096;
  io_calls_options out;
  if (config.size != sizeof config)
    return fail(errc::invalid_argument,
                "graphite_async_io_init: the configuration's size is not this version's: call "
                "graphite_async_io_config_init()");
  switch (config.adapter) {
    case GRAPHITE_IO_BEST:
      break;
    case GRAPHITE_IO_URING:
      out.adapter = io_calls_options::adapter::uring;
      break;
    case GRAPHITE_IO_THREADS:
      out.adapter = io_calls_options::adapter::threads;
      break;
    default:
      return fail(errc::invalid_argument, "graphite_async_io_init: no such adapter");
  }
  if (config.queue_depth == 0 || config.queue_depth > depth_max || config.queued_max == 0)
    return fail(errc::invalid_argument,
                "graphite_async_io_init: queue_depth must be 1 to 4096, queued_max at least 1");
  out.depth = config.queue_depth;
  out.queued_max = config.queued_max;
  out.callback_threads = config.callback_threads;
  return out;
}

/// What the three kinds of operations have in common.
struct io_order {
  const char* who;
  graphite_async_io_context* context;
  const graphite_file* file;
  io_operation what;
  void* buffer;
  std::size_t size;
  std::uint64_t offset;
  graphite_io_callback callback;
  void* user_data;
  std::uint64_t* token;
};

/// What the operation means for the file, which stays open until its callback.
graphite_result settled(const io_order& order, opened_file& opened, const io_completion& ended) {
  if (order.what == io_operation::write && ended.bytes > 0) know_size(opened, order.offset + ended.bytes);
  if (order.what != io_operation::sync || ended.failed == errc::cancelled) return result_of(ended);
  const int failure = first_sync_failure(opened, ended.failed ? ended.system_error : 0);
  return failure == 0 ? result_of(ended) : static_cast<graphite_result>(errno_error(failure, "").code);
}

graphite_result start(const io_order& order) {
  const auto wrong = [&](const char* what) {
    return failed(errc::invalid_argument, std::string(order.who) + ": " + what);
  };
  if (order.token != nullptr) *order.token = 0;
  auto* const io = io_of(order.context);
  if (io == nullptr) return wrong("no context");
  if (order.file == nullptr || order.file->handle == nullptr) return wrong("no open file");
  if (order.callback == nullptr) return wrong("a null callback");
  if (order.buffer == nullptr && order.size != 0) return wrong("a null buffer");
  if (!io->is_of_this_process())
    return failed(errc::cancelled, "the context is of the process that forked: this one needs its own");
  auto& opened = behind(*order.file);
  if (order.what == io_operation::read ? !opened.readable : !opened.writable)
    return failed(errc::permission_denied, quoted(order.file->path) + " was not opened for that");
  const io_request request{.what = order.what,
                           .file = {opened.fd.get()},
                           .offset = order.offset,
                           .bytes = {static_cast<std::byte*>(order.buffer), order.size}};
  const auto started = io->calls->submit(
      request,
      [order, &opened](const io_completion& ended) {
        const graphite_io_completion told{settled(order, opened, ended), ended.bytes, ended.token};
        order.callback(&told, order.user_data);
      },
      order.token);
  if (!started) return failed(started.error());
  return GRAPHITE_SUCCESS;
}

/// Behind graphite_uring_context::handle. Requests travel as the numbers of their places.
struct opened_ring {
  struct place {
    const graphite_stream_request* request = nullptr;
    bool taken = false;
  };
  std::unique_ptr<async_io> io;
  std::vector<place> places;
  std::vector<std::uint32_t> free;

  /// False where the completion is of nothing that is under way.
  bool end(const io_completion& ended, graphite_uring_completion& out) {
    if (ended.token >= places.size() || !places[ended.token].taken) return false;
    auto& one = places[ended.token];
    out = {one.request, result_of(ended), ended.bytes};
    one = {};
    free.push_back(static_cast<std::uint32_t>(ended.token));
    return true;
  }
};

opened_ring* ring_of(const graphite_uring_context* context) {
  return context == nullptr ? nullptr : static_cast<opened_ring*>(context->handle);
}

}  // namespace

void graphite_async_io_config_init(graphite_async_io_config* config) {
  if (config == nullptr) return;
  const io_calls_options defaults;
  *config = {};
  config->size = sizeof *config;
  config->queue_depth = static_cast<uint32_t>(defaults.depth);
  config->queued_max = static_cast<uint32_t>(defaults.queued_max);
  config->callback_threads = static_cast<uint32_t>(defaults.callback_threads);
}

graphite_result graphite_async_io_init(graphite_async_io_context* context,
                                       const graphite_async_io_config* config) {
  return guarded([&] {
    if (context == nullptr) return invalid("graphite_async_io_init: a null context");
    *context = {};
    graphite_async_io_config defaults;
    graphite_async_io_config_init(&defaults);
    const auto options = options_of(config != nullptr ? *config : defaults);
    if (!options) return failed(options.error());
    const auto functions = machine();
    if (!functions) return failed(functions.error());
    auto calls = (*functions)->open_io(*options);
    if (!calls) return failed(calls.error());
    auto opened = std::make_unique<opened_io>();
    opened->calls = std::move(*calls);
    opened->name = opened->calls->facts().name;
    opened->reason = opened->calls->facts().reason;
    context->handle = opened.release();
    return GRAPHITE_SUCCESS;
  });
}

void graphite_async_io_destroy(graphite_async_io_context* context) {
  auto* const io = io_of(context);
  if (io == nullptr) return;
  context->handle = nullptr;
  if (io->is_of_this_process()) delete io;  // a child has none of its threads to wait for
}

graphite_result graphite_async_io_read(graphite_async_io_context* context, const graphite_file* file,
                                       void* buffer, size_t size, uint64_t offset,
                                       graphite_io_callback callback, void* user_data, uint64_t* token) {
  return guarded([&] {
    return start({"graphite_async_io_read", context, file, io_operation::read, buffer, size, offset, callback,
                  user_data, token});
  });
}

graphite_result graphite_async_io_write(graphite_async_io_context* context, const graphite_file* file,
                                        const void* buffer, size_t size, uint64_t offset,
                                        graphite_io_callback callback, void* user_data, uint64_t* token) {
  return guarded([&] {
    return start({"graphite_async_io_write", context, file, io_operation::write, const_cast<void*>(buffer),
                  size, offset, callback, user_data, token});
  });
}

graphite_result graphite_async_io_sync(graphite_async_io_context* context, const graphite_file* file,
                                       graphite_io_callback callback, void* user_data, uint64_t* token) {
  return guarded([&] {
    return start({"graphite_async_io_sync", context, file, io_operation::sync, nullptr, 0, 0, callback,
                  user_data, token});
  });
}

void graphite_async_io_cancel(graphite_async_io_context* context, uint64_t token) {
  guarded([&] {
    auto* const io = io_of(context);
    if (io != nullptr && io->is_of_this_process()) io->calls->cancel(token);
    return GRAPHITE_SUCCESS;
  });
}

void graphite_async_io_drain(graphite_async_io_context* context) {
  auto* const io = io_of(context);
  if (io != nullptr && io->is_of_this_process()) io->calls->drain();
}

size_t graphite_async_io_active(const graphite_async_io_context* context) {
  const auto* const io = io_of(context);
  return io != nullptr && io->is_of_this_process() ? io->calls->active() : 0;
}

const char* graphite_async_io_adapter(const graphite_async_io_context* context, const char** reason) {
  const auto* const io = io_of(context);
  if (reason != nullptr) *reason = io != nullptr ? io->reason.c_str() : "";
  return io != nullptr ? io->name.c_str() : "";
}

graphite_result graphite_uring_init(graphite_uring_context* context, uint32_t queue_depth) {
  return guarded([&] {
    if (context == nullptr) return invalid("graphite_uring_init: a null context");
    *context = {};
    const auto functions = machine();
    if (!functions) return failed(functions.error());
    auto ring = (*functions)->open_ring(queue_depth);
    if (!ring) return failed(ring.error());
    auto opened = std::make_unique<opened_ring>();
    opened->io = std::move(*ring);
    opened->places.resize(queue_depth);
    for (uint32_t i = queue_depth; i-- > 0;) opened->free.push_back(i);
    context->handle = opened.release();
    context->queue_depth = queue_depth;
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_uring_read_async(graphite_uring_context* context,
                                          const graphite_stream_request* request, int fd, void* buffer,
                                          size_t size, int64_t offset) {
  return guarded([&] {
    auto* const ring = ring_of(context);
    if (ring == nullptr) return invalid("graphite_uring_read_async: no context");
    if (buffer == nullptr && size != 0) return invalid("graphite_uring_read_async: a null buffer");
    if (offset < 0) return invalid("graphite_uring_read_async: a negative offset");
    if (ring->free.empty()) return failed(errc::busy, "the ring is full: wait for some of its operations");
    const auto place = ring->free.back();
    const io_request wanted{.what = io_operation::read,
                            .file = {fd},
                            .offset = static_cast<std::uint64_t>(offset),
                            .bytes = {static_cast<std::byte*>(buffer), size},
                            .token = place};
    const auto taken = ring->io->submit({&wanted, 1});
    if (!taken) return failed(taken.error());
    if (*taken == 0) return failed(errc::busy, "the ring is full: wait for some of its operations");
    ring->places[place] = {request, true};
    ring->free.pop_back();
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_uring_wait(graphite_uring_context* context, graphite_uring_completion* completions,
                                    size_t max, size_t least, uint64_t timeout_ns, size_t* count) {
  return guarded([&] {
    if (count != nullptr) *count = 0;
    auto* const ring = ring_of(context);
    if (ring == nullptr) return invalid("graphite_uring_wait: no context");
    if ((completions == nullptr && max != 0) || count == nullptr)
      return invalid("graphite_uring_wait: a null argument");
    std::vector<io_completion> ended(std::min<size_t>(max, context->queue_depth));
    const auto got = ring->io->wait(
        ended, least,
        std::chrono::nanoseconds(std::min<uint64_t>(timeout_ns, std::numeric_limits<int64_t>::max())));
    if (!got) return failed(got.error());
    ended.resize(std::min(*got, ended.size()));
    for (const auto& one : ended)
      if (ring->end(one, completions[*count])) ++*count;
    return GRAPHITE_SUCCESS;
  });
}

uint32_t graphite_uring_active(const graphite_uring_context* context) {
  const auto* const ring = ring_of(context);
  return ring == nullptr ? 0 : context->queue_depth - static_cast<uint32_t>(ring->free.size());
}

void graphite_uring_destroy(graphite_uring_context* context) {
  if (context == nullptr) return;
  delete ring_of(context);
  *context = {};
}
