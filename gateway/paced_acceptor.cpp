#include "gateway/paced_acceptor.hpp"

#include <chrono>

namespace graphite {

namespace {

constexpr milliseconds pause_after_failure{100};  // EMFILE and the like

time_point steady_now() { return std::chrono::steady_clock::now(); }

}  // namespace

kj::Promise<void> paced_acceptor::run(kj::Function<void(kj::AuthenticatedStream)> admit) {
  admit_ = kj::mv(admit);
  return go_on();
}

kj::Promise<void> paced_acceptor::go_on() {
  return accept_one()
      .catch_([this](kj::Exception&& problem) {
        log_.warn("cannot accept a client: {}", problem.getDescription().cStr());
        return timer_.afterDelay(pause_after_failure.count() * kj::MILLISECONDS);
      })
      .then([this] { return go_on(); });
}

kj::Promise<void> paced_acceptor::accept_one() {
  if (const auto wait = rate_.wait(steady_now()); wait > duration::zero())
    return timer_.afterDelay(wait.count() * kj::NANOSECONDS);
  return receiver_->acceptAuthenticated().then([this](kj::AuthenticatedStream client) {
    rate_.take(steady_now());
    admit_(kj::mv(client));
  });
}

}  // namespace graphite
