#include "actors/cluster/node_system.hpp"

#include <atomic>

#include "actors/cluster/control_dialler.hpp"
#include "actors/cluster/node.hpp"
#include "actors/logger_guard.hpp"
#include "actors/tls.hpp"

namespace graphite {

namespace {

class node_thread final : public caf::thread_hook {
 public:
  explicit node_thread(std::function<void()> call) : call_(std::move(call)) {}
  void init(caf::actor_system&) override {}
  void thread_started() override { call_(); }
  void thread_terminates() override {}

 private:
  std::function<void()> call_;
};

struct node_config : caf::actor_system_config {
  explicit node_config(const node_system_options& how) {
    add_thread_hook<node_thread>(how.on_thread);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
    set("logger.verbosity", caf::atom("quiet"));
    ready = use_tls(*this, how.security.files, {how.security.check_files, how.security.check_calls});
  }
  result<void> ready;
};

class tls_node_system final : public node_system {
 public:
  explicit tls_node_system(node_system_options options) : options_(std::move(options)), config_(options_) {}
  ~tls_node_system() override {
    const logger_guard forget;
    if (dialler_) caf::anon_send_exit(dialler_, caf::exit_reason::user_shutdown);
    if (actor_) caf::anon_send_exit(actor_, caf::exit_reason::user_shutdown);
    dialler_ = nullptr;
    actor_ = nullptr;
  }

  const result<void>& ready() const { return config_.ready; }

  void begin() {
    const logger_guard forget;
    system_ = std::make_unique<caf::actor_system>(config_);
    node_dependencies with;
    with.clock = options_.clock;
    with.run = options_.run;
    with.settle = options_.settle;
    with.answered = options_.answered;
    with.revoked = options_.revoked;
    with.on_end = [this](const error* why) {
      if (!ended_.exchange(true)) options_.on_end(why);
    };
    actor_ = system_->spawn(node, std::move(with), std::make_shared<node_agent>(options_.agent));
    control_dialler_dependencies how;
    const auto& by = options_.security;
    how.self = by.self;
    how.hello.wanted = role::coordinator;
    how.hello.name = options_.coordinator;
    how.verifier = by.verifier;
    how.random = by.random;
    how.clock = options_.clock;
    how.log = options_.log;
    how.trust = by.trust;
    how.sink = actor_;
    how.dial = [this] {
      return dial_tls(*system_, {options_.host, options_.port, options_.dial_within, options_.give_up,
                                 options_.why_refused});
    };
    dialler_ = system_->spawn(control_dialler, std::move(how));
    caf::anon_send(actor_, atom::dial_v, dialler_);
  }

  void leave(std::string why) override {
    const logger_guard forget;
    caf::anon_send(actor_, atom::rest_v, std::move(why));
  }

  void ask(control::need_question question) override { say(std::move(question)); }
  void tell(const control::store_state& state) override { say(state); }

 private:
  void say(store_word word) {
    const logger_guard forget;
    caf::anon_send(actor_, atom::notice_v, std::make_shared<const store_word>(std::move(word)));
  }

  node_system_options options_;
  std::atomic<bool> ended_ = false;
  node_config config_;
  std::unique_ptr<caf::actor_system> system_;
  node_actor actor_;
  caf::actor dialler_;
};

}  // namespace

result<std::unique_ptr<node_system>> make_node_system(node_system_options options) {
  auto out = std::make_unique<tls_node_system>(std::move(options));
  GRAPHITE_CHECK(out->ready());
  out->begin();
  return out;
}

}  // namespace graphite
