#include "actors/cluster/node_system.hpp"

#include <atomic>

#include "actors/cluster/node.hpp"
#include "actors/cluster/tls_system_config.hpp"
#include "actors/logger_guard.hpp"

namespace graphite {

namespace {

class tls_node_system final : public node_system {
 public:
  explicit tls_node_system(node_system_options options)
      : options_(std::move(options)), config_(options_.security, options_.on_thread) {}
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
    dialler_ = spawn_dialler(*system_, options_, actor_);
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
  tls_system_config config_;
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
