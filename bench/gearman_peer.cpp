// What the bench `dispatch` runs with gearmand: a worker that does next to nothing, and a client.
//   gearman_peer worker PORT
//   gearman_peer client PORT COUNT IN_FLIGHT
// The client gives out COUNT tasks of one 32-byte input and output each, unique ones, IN_FLIGHT at a time
// over one connection, and prints {"event":"done","actions_per_s":…}.
#include <libgearman/gearman.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr const char* function = "small";
constexpr std::size_t bytes = 32;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "gearman_peer: %s\n", what);
  std::exit(1);
}

void* answer(gearman_job_st* job, void*, std::size_t* size, gearman_return_t* how) {
  auto* out = static_cast<char*>(std::malloc(bytes));
  std::memcpy(out, gearman_job_workload(job), bytes);
  out[bytes - 1] = 2;
  *size = bytes;
  *how = GEARMAN_SUCCESS;
  return out;
}

int work(in_port_t port) {
  auto* worker = gearman_worker_create(nullptr);
  if (gearman_worker_add_server(worker, "127.0.0.1", port) != GEARMAN_SUCCESS) give_up("no server");
  if (gearman_worker_add_function(worker, function, 0, answer, nullptr) != GEARMAN_SUCCESS)
    give_up(gearman_worker_error(worker));
  while (gearman_worker_work(worker) == GEARMAN_SUCCESS) {
  }
  give_up(gearman_worker_error(worker));
}

std::uint64_t ended = 0;

gearman_return_t take(gearman_task_st* task) {
  if (gearman_task_data_size(task) == bytes &&
      static_cast<const char*>(gearman_task_data(task))[bytes - 1] == 2)
    ++ended;
  return GEARMAN_SUCCESS;
}

int ask(in_port_t port, std::uint64_t count, std::uint64_t in_flight) {
  auto* client = gearman_client_create(nullptr);
  gearman_client_add_options(client, GEARMAN_CLIENT_FREE_TASKS);
  if (gearman_client_add_server(client, "127.0.0.1", port) != GEARMAN_SUCCESS) give_up("no server");
  gearman_client_set_complete_fn(client, take);
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::string> inputs(in_flight, std::string(bytes, '\0'));
  for (std::uint64_t next = 0; next < count;) {
    for (std::uint64_t i = 0; i < in_flight && next < count; ++i, ++next) {
      std::memcpy(inputs[i].data(), &next, sizeof next);
      gearman_return_t how;
      gearman_client_add_task(client, nullptr, nullptr, function, std::to_string(next).c_str(),
                              inputs[i].data(), bytes, &how);
      if (how != GEARMAN_SUCCESS) give_up(gearman_client_error(client));
    }
    if (gearman_client_run_tasks(client) != GEARMAN_SUCCESS) give_up(gearman_client_error(client));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (ended != count) give_up("not all tasks ended well");
  std::printf("{\"event\":\"done\",\"actions_per_s\":%.1f}\n", static_cast<double>(count) / took.count());
  gearman_client_free(client);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  const auto port = words.size() > 1 ? static_cast<in_port_t>(std::stoul(words[1])) : in_port_t{0};
  if (words.size() == 2 && words[0] == "worker") return work(port);
  if (words.size() == 4 && words[0] == "client")
    return ask(port, std::stoull(words[2]), std::stoull(words[3]));
  std::fprintf(stderr, "usage: gearman_peer worker PORT | client PORT COUNT IN_FLIGHT\n");
  return 2;
}
