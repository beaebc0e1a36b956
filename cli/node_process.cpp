#include "cli/node_process.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <mutex>

#include "actors/cluster/node_system.hpp"
#include "cli/cluster_store.hpp"
#include "cli/config/project_file.hpp"
#include "cli/control_keys.hpp"
#include "cli/domain_workers.hpp"
#include "cli/node_store.hpp"
#include "cli/segment_cache.hpp"
#include "cli/session_machine.hpp"
#include "cli/session_sandbox.hpp"
#include "cli/with_port.hpp"
#include "cli/worker_libraries.hpp"
#include "cli/worker_program.hpp"
#include "core/cpu_list.hpp"
#include "core/platform_facts.hpp"
#include "node/assigned_attempts.hpp"
#include "node/attempt.hpp"
#include "platform/crypto/curve_keys.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/crypto/ssl_calls.hpp"
#include "platform/keys/key_file.hpp"
#include "platform/keys/key_text.hpp"
#include "platform/linux/clock.hpp"
#include "platform/linux/memory_scratch.hpp"
#include "platform/linux/posix_file_reader.hpp"
#include "platform/linux/process_runner.hpp"
#include "platform/linux/scratch_space.hpp"
#include "platform/linux/tool_resolver.hpp"
#include "platform/linux/tool_workers.hpp"
#include "platform/zmq/store_link.hpp"
#include "schemas/codec/tool_messages.hpp"
#include "transforms/command.hpp"
#include "transforms/registry.hpp"

namespace graphite {

namespace {

result<resource_amount> resource_of(const std::string& text) {
  const auto cut = text.find('=');
  resource_amount out{text.substr(0, cut), 0};
  const auto count = cut == std::string::npos ? "" : text.substr(cut + 1);
  if (out.name.empty() || count.empty() || count.size() > 9 ||
      count.find_first_not_of("0123456789") != std::string::npos)
    return fail(errc::invalid_argument, "a resource is NAME=COUNT, as gpu=1, not '" + text + "'");
  out.count = static_cast<std::uint32_t>(std::stoul(count));
  return out;
}

class linux_node_process final : public node_process {
 public:
  linux_node_process(node_options options, log_sink& log, std::function<void(const error*)> on_end)
      : options_(std::move(options)), log_(log), on_end_(std::move(on_end)) {}
  ~linux_node_process() override {
    ending_.cancel();
    if (machine_) machine_->pool().stop();
    std::unique_ptr<node_system> ended;
    {
      const std::lock_guard lock(system_mutex_);
      ended = std::move(system_);
    }
  }

  result<void> open() {
    options_.state = std::filesystem::absolute(options_.state).string();
    GRAPHITE_TRY(keys_, control_keys::load(options_.keys, role::node, clock_));
    processes_ = std::make_unique<linux_process_runner>();
    GRAPHITE_CHECK(open_curve());
    GRAPHITE_CHECK(open_store());
    GRAPHITE_CHECK(open_cache());
    GRAPHITE_TRY(machine_, session_machine::open({parse_pin_mode(options_.pin).value_or(pin_mode::automatic),
                                                  options_.jobs, true},
                                                 log_));
    GRAPHITE_CHECK(open_runner());
    return connect();
  }

  const std::string& name() const override { return keys_->said().name; }
  std::string store_address() const override { return store_ ? store_->address() : ""; }
  void leave(const std::string& why) override {
    const std::lock_guard lock(system_mutex_);
    system_->leave(why);
  }

 private:
  std::function<void(const error&)> failed_sync() {
    return [this](const error& why) { on_end_(&why); };
  }

  /// Its CURVE key is by what its store is known and chosen: it stays as long as the state folder.
  result<void> open_curve() {
    std::error_code code;
    std::filesystem::create_directories(options_.state, code);
    const auto path = options_.state + "/curve.key";
    auto known = read_secret_file(path, 4 * KiB);
    if (!known && known.error().code != errc::not_found) return tl::unexpected<error>(known.error());
    if (known) {
      auto secret = parse_secret(known->view());
      if (!secret) return fail(secret.error().code, path + ": " + secret.error().context);
      GRAPHITE_TRY(auto pair, curve_pair_of(std::move(*secret)));
      curve_ = std::make_shared<const curve_pair>(std::move(pair));
      return {};
    }
    GRAPHITE_TRY(auto pair, make_curve_pair());
    GRAPHITE_CHECK(write_key_file(path, secret_text(pair.secret.view()).view()));
    curve_ = std::make_shared<const curve_pair>(std::move(pair));
    return {};
  }

  result<void> open_store() {
    if (!options_.store) return {};
    node_store_options how;
    how.folder = options_.state + "/store";
    how.listen = options_.listen_store;
    how.bytes_max = options_.store_bytes;
    how.keep_s = options_.store_keep_s;
    how.on_failed_sync = failed_sync();
    how.ask = [this](control::need_question question) {
      const std::lock_guard lock(system_mutex_);
      if (system_) system_->ask(std::move(question));
    };
    how.tell = [this](const control::store_state& state) {
      const std::lock_guard lock(system_mutex_);
      if (system_) system_->tell(state);
    };
    GRAPHITE_TRY(store_, node_store::open(how, curve_, *keys_, hash_, clock_, log_));
    return {};
  }

  result<void> open_cache() {
    GRAPHITE_CHECK(
        cache_.open(options_.state + "/cache", options_.cache_bytes / 4 * 5, hash_, log_, failed_sync()));
    zmq_store_link_options how;
    how.own = curve_;
    GRAPHITE_TRY(auto zmq, zmq_context::make({1, 256, 64}));
    GRAPHITE_TRY(auto link, make_zmq_store_link(std::move(zmq), how));
    traffic_ = std::make_unique<store_traffic>(
        store_traffic::ports{std::move(link), *cache_.contents, hash_, clock_, log_}, keys_->incarnation(),
        store_client::options{}, keys_->enrolling(curve_->key));
    cluster_store::options cached;
    cached.cache.bytes_max = options_.cache_bytes;
    cached.collect = [this](const std::function<std::vector<digest>()>& kept) {
      return keep_only(*cache_.contents, kept);
    };
    cached.forget = [this](const digest& content) { return cache_.contents->forget(content); };
    contents_ = std::make_unique<cluster_store>(*cache_.contents, *traffic_, std::move(cached));
    // What an earlier process has left counts, too.
    return each_content(*cache_.rows, [this](const content_ref& content) { contents_->known(content); });
  }

  result<void> open_runner() {
    const auto nothing = options_.state + "/view";
    std::error_code code;
    std::filesystem::create_directories(nothing, code);
    GRAPHITE_TRY(view_, posix_file_reader::open_root(nothing));
    GRAPHITE_TRY(scratch_, disk_scratch_space::make(options_.state + "/scratch"));
    if (options_.scratch == "memory") {
      memory_scratch_options where;
      where.owner = options_.state;
      if (auto made = memory_scratch_space::make(std::move(where), scratch_))
        scratch_ = std::move(*made);
      else
        log_.info("scratch folders are on the disk: {}", made.error().context);
    }
    GRAPHITE_TRY(const auto mode, parse_sandbox_mode(options_.sandbox.empty() ? "best" : options_.sandbox));
    sandbox_ = std::make_unique<session_sandbox>(
        *processes_,
        session_sandbox_options{mode, sandbox_options_for(nothing, options_.state, {}),
                                options_.state + "/scratch"},
        log_);
    if (mode == sandbox_mode::required) GRAPHITE_CHECK(sandbox_->choose());
    tools_ = std::make_unique<tool_workers>(
        *sandbox_, tool_workers_options{.encode = [](const tool_work& work) { return encode(work); },
                                        .decode = decode_tool_answer});
    GRAPHITE_CHECK(open_workers());
    runner_ = std::make_unique<attempt_runner>(
        attempt_runner::ports{*view_, *contents_, hash_, *tools_, *scratch_, transform_, *workers_},
        attempt_options{.view_folder = nothing});
    GRAPHITE_TRY(offered_, offered_tools());
    attempts_ = std::make_unique<assigned_attempts>(
        assigned_attempts::ports{
            [this](const attempt_spec& spec, const cancel_token& cancel) {
              const auto ended = ending_.on_cancel([own = cancel]() mutable { own.cancel(); });
              return runner_->run(spec, cancel);
            },
            *contents_, hash_,
            [this](std::span<const content_ref> inputs) { return contents_->fetch(inputs); },
            [this](std::span<const content_ref> inputs) {
              return contents_->mend(inputs, hash_).map([](cluster_store::mended how) {
                return assigned_attempts::mended{how.wrong > 0, std::move(how.lost)};
              });
            },
            [this] { return clock_.now(); }},
        assigned_attempts::options{offered_});
    return {};
  }

  result<void> open_workers() {
    std::vector<std::string> names;
    for (const auto* one : built_in_transforms()) names.emplace_back(one->name);
    const auto environment = caller_environment();
    GRAPHITE_TRY(libraries_,
                 libraries_of_workers(*processes_, worker_program(), environment, names, ending_));
    workers_ = std::make_unique<domain_workers>(
        worker_pool_options{.program = worker_program(),
                            .environment = worker_environment(environment),
                            .arguments = server_arguments(libraries_, names),
                            .threads = static_cast<std::uint32_t>(machine_->jobs()),
                            .on_unbound = machine_->on_unbound()},
        machine_->pool(), machine_->affinity());
    return {};
  }

  /// A tool that is not here is not offered.
  result<std::map<std::string, installed_tool>> offered_tools() {
    std::map<std::string, installed_tool> out;
    for (const auto& [name, what] : transform_tools(libraries_, hash_)) out[name] = {what, ""};
    project known;
    if (!options_.tools.empty()) {
      GRAPHITE_TRY(known, load_project({options_.tools, options_.state}));
    }
    // Rules with a script have it without saying so, as the reader of project files calls it.
    known.tools.try_emplace("sh",
                            tool_spec{.name = "sh", .paths = {"/bin/sh"}, .version_argv = {}, .where = {}});
    const auto environment = caller_environment();
    const auto path = environment.find("PATH");
    linux_tool_resolver resolver({.root = known.root, .path = path == environment.end() ? "" : path->second},
                                 hash_, *processes_);
    for (const auto& [name, spec] : known.tools) {
      const auto found = resolver.resolve(spec);
      if (!found) {
        log_.warn("the tool {} is not offered: {}", name, found.error().context);
        continue;
      }
      auto& one = out[name] = {found->identity, found->program};
      for (const auto& file : found->files) one.files.push_back(file.path);
    }
    return out;
  }

  result<std::vector<control::domain_offer>> domain_offers() const {
    std::vector<resource_amount> resources;
    for (const auto& text : options_.resources) {
      GRAPHITE_TRY(auto one, resource_of(text));
      resources.push_back(std::move(one));
    }
    const auto& planned = machine_->affinity().domains;
    const std::size_t count = options_.domains != 0 ? options_.domains : planned.size();
    if (count > control_limits::domains_max)
      return fail(errc::invalid_argument,
                  fmt::format("a node has at most {} domains", control_limits::domains_max));
    const auto memory = memory_bytes();
    std::vector<control::domain_offer> out;
    for (std::size_t i = 0; i < count; ++i) {
      const auto slots = std::max<std::size_t>(1, machine_->jobs() / count);
      control::domain_offer one;
      one.cpu_milli = static_cast<std::uint32_t>(1000 * slots);
      one.memory_bytes = memory / count;
      one.resources = resources;
      one.credit = static_cast<std::uint32_t>(slots + credit_ahead);
      one.cpus = count == planned.size() ? format_cpu_list(planned[i].cpus) : "";
      out.push_back(std::move(one));
    }
    return out;
  }

  std::uint64_t memory_bytes() const {
    return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
           static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }

  result<void> connect() {
    node_system_options how;
    GRAPHITE_TRY(const auto where, parse_host_port(with_port(options_.coordinator, "7401")));
    how.host = where.host;
    how.port = where.port;
    how.security = keys_->security();
    how.give_up = give_up_dials;
    how.why_refused = take_dial_refusal;
    how.clock = &clock_;
    how.log = &log_;
    how.on_thread = machine_->thread_start();
    auto& offer = how.agent.offer;
    offer.incarnation = keys_->incarnation();
    GRAPHITE_TRY(offer.domains, domain_offers());
    offer.store = options_.store;
    if (store_) offer.chunks_key = curve_->key;
    if (store_)
      offer.chunks = options_.advertise_store.empty() ? store_->address() : options_.advertise_store;
    for (const auto& [name, one] : offered_) offer.tools.push_back({name, one.what});
    offer.properties = {{"arch", std::string(to_string(this_architecture))},
                        {"os", std::string(to_string(this_platform))}};
    how.run = [this](const agent_commands::start& one, const cancel_token& cancel,
                     std::function<void(control::attempt_end)> done) { run(one, cancel, std::move(done)); };
    how.settle = [this](const control::settings& now) { use(now); };
    how.answered = [this](const control::need_answer& said) {
      if (store_) store_->answered(said);
    };
    how.revoked = [this](const control::revocations& said) {
      const auto number = keys_->take_revocations(said.list);
      if (!number)
        log_.warn("revoked keys that the coordinator told of: {}", number.error().context);
      else if (*number != 0)
        log_.info("took list {} of revoked keys from the coordinator", *number);
    };
    how.on_end = on_end_;
    GRAPHITE_TRY(auto system, make_node_system(std::move(how)));
    const std::lock_guard lock(system_mutex_);
    system_ = std::move(system);
    return {};
  }

  void use(const control::settings& now) {
    traffic_->set_stores(now);
    if (store_) store_->use(now);
  }

  void run(const agent_commands::start& one, const cancel_token& cancel,
           std::function<void(control::attempt_end)> done) {
    auto& pools = machine_->pool();
    // Where the machine is split otherwise, its threads belong to no domain that was offered.
    auto& pool = options_.domains == 0 ? static_cast<thread_pool&>(pools.domain(one.domain)) : pools;
    const bool taken = pool.submit([this, how = one.how, what = one.what, cancel, done] {
                             done(attempts_->run(*how, *what, cancel));
                           })
                           .has_value();
    if (taken) return;
    control::attempt_end out;
    out.result.status = attempt_status::refused;
    out.result.message = "the pool's queue is full";
    done(std::move(out));
  }

  static constexpr std::size_t credit_ahead = 64;  ///< short attempts that wait at the node

  node_options options_;
  log_sink& log_;
  const std::function<void(const error*)> on_end_;
  openssl_hasher hash_;
  system_clock_source clock_;
  command_transform transform_;
  cancel_token ending_;                              ///< of all attempts
  std::unique_ptr<linux_process_runner> processes_;  // its warden is forked while the process is small
  std::unique_ptr<control_keys> keys_;
  curve_pair_ptr curve_;
  std::mutex system_mutex_;  ///< of system_, for who calls it from the store
  std::unique_ptr<node_store> store_;
  content_folder cache_;
  std::unique_ptr<store_traffic> traffic_;
  std::unique_ptr<cluster_store> contents_;
  std::unique_ptr<session_machine> machine_;
  std::unique_ptr<posix_file_reader> view_;
  std::unique_ptr<scratch_space> scratch_;
  std::unique_ptr<session_sandbox> sandbox_;
  std::unique_ptr<tool_workers> tools_;
  transform_libraries libraries_;
  std::map<std::string, installed_tool> offered_;
  std::unique_ptr<domain_workers> workers_;
  std::unique_ptr<attempt_runner> runner_;
  std::unique_ptr<assigned_attempts> attempts_;
  std::unique_ptr<node_system> system_;  // last: it runs attempts
};

}  // namespace

result<std::unique_ptr<node_process>> node_process::open(const node_options& options, log_sink& log,
                                                         std::function<void(const error* why)> on_end) {
  auto out = std::make_unique<linux_node_process>(options, log, std::move(on_end));
  GRAPHITE_CHECK(out->open());
  return out;
}

}  // namespace graphite
