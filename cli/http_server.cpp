#include "cli/http_server.hpp"

#include "gateway/listen_address.hpp"
#include "platform/crypto/tls_server.hpp"
#include "platform/linux/thread_name.hpp"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace graphite {

namespace {

/// httplib's queue is unbounded; this one makes the accepting thread wait, so the kernel's backlog is the
/// bound.
class bounded_queue final : public httplib::TaskQueue {
 public:
  bounded_queue(std::size_t threads, std::size_t waiting_max) : waiting_max_(waiting_max) {
    for (std::size_t i = 0; i < threads; ++i)
      threads_.emplace_back([this] {
        name_thread("http-worker");
        work();
      });
  }

  void enqueue(std::function<void()> task) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tasks_.size() < waiting_max_ || ended_; });
    tasks_.push_back(std::move(task));  // also when ended: the task closes its socket
    changed_.notify_all();
  }

  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      ended_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  void work() {
    while (true) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return !tasks_.empty() || ended_; });
      if (tasks_.empty()) return;
      auto task = std::move(tasks_.front());
      tasks_.pop_front();
      lock.unlock();
      changed_.notify_all();
      task();
    }
  }

  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  bool ended_ = false;
};

/// The host of a `Host:` header without its port.
std::string host_of(const std::string& header) {
  if (!header.empty() && header[0] == '[') return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.find(':'));
}

http_peer peer_of(const httplib::Request& request) {
  constexpr std::string_view scheme = "Bearer ";
  http_peer out;
  if (request.ssl != nullptr) out.common_name = peer_common_name(*request.ssl);
  if (const auto shown = request.get_header_value("Authorization"); shown.starts_with(scheme))
    out.bearer = shown.substr(scheme.size());
  return out;
}

constexpr const char* plain_text = "text/plain; charset=utf-8";

}  // namespace

class http_server::impl {
 public:
  impl(http_sources sources, const http_server_options& options)
      : sources_(std::move(sources)), options_(options) {}

  ~impl() {
    if (!thread_.joinable()) return;
    // stop() before listen_after_bind() has begun would be lost.
    while (!server_->is_running() && !ended_) std::this_thread::yield();
    server_->stop();
    thread_.join();
  }

  result<void> listen() {
    if (!options_.keys && !is_loopback_host(options_.address))
      return fail(errc::permission_denied,
                  options_.address +
                      " can be reached from other machines and there are no keys: make them with `graphite "
                      "keygen DIR`, then start with `--keys DIR`");
    GRAPHITE_CHECK(make_server());
    configure();
    route();
    port_ = bind();
    if (port_ <= 0)
      return fail(errc::already_exists,
                  fmt::format("cannot listen on {}:{}", options_.address, options_.port));
    thread_ = std::thread([this] {
      name_thread("http");
      server_->listen_after_bind();
      ended_ = true;
    });
    return {};
  }

  std::uint16_t port() const { return static_cast<std::uint16_t>(port_); }
  const std::string& host() const { return options_.address; }

 private:
  result<void> make_server() {
    if (!options_.keys) {
      server_ = std::make_unique<httplib::Server>();
      return {};
    }
    result<void> configured;
    server_ = std::make_unique<httplib::SSLServer>([&](SSL_CTX& context) {
      const auto& keys = *options_.keys;
      configured = configure_tls_server(context, keys.certificate, keys.key, keys.authority);
      return configured.has_value();
    });
    return configured;
  }

  int bind() {
    if (options_.port != 0 && server_->bind_to_port(options_.address, options_.port)) return options_.port;
    if (options_.port != 0 && !options_.any_port_if_taken) return -1;
    return server_->bind_to_any_port(options_.address);
  }

  void configure() {
    server_->new_task_queue = [this] {
      return new bounded_queue(options_.threads, options_.connections_waiting_max);
    };
    // httplib's own options have SO_REUSEPORT: two processes would share the port.
    server_->set_socket_options([](socket_t socket) {
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_->set_payload_max_length(options_.request_bytes_max);
    server_->set_read_timeout(options_.timeout_seconds, 0);
    server_->set_write_timeout(options_.timeout_seconds, 0);
    server_->set_keep_alive_timeout(options_.timeout_seconds);
    server_->set_keep_alive_max_count(1);  // with few threads, a kept connection keeps others out
  }

  /// With certificates: who is revoked is told nothing at all. Else a page of another host must not ask.
  result<void> may_ask(const httplib::Request& request) const {
    if (options_.keys != nullptr) return options_.may_see_status(peer_of(request));
    const std::string host = host_of(request.get_header_value("Host"));
    if (host == "localhost" || is_loopback_host(host)) return {};
    return fail(errc::permission_denied, "ask for localhost");
  }

  void route() {
    server_->set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      const auto allowed = may_ask(request);
      if (allowed) return httplib::Server::HandlerResponse::Unhandled;
      response.status = 403;
      response.set_content(allowed.error().context + "\n", plain_text);
      return httplib::Server::HandlerResponse::Handled;
    });
    server_->Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(sources_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
    server_->Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", plain_text);
    });
    server_->Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
      const bool ready = sources_.ready();
      response.status = ready ? 200 : 503;
      response.set_content(ready ? "ok\n" : "not ready\n", plain_text);
    });
    server_->Get("/status", [this](const httplib::Request& request, httplib::Response& response) {
      if (const auto allowed = options_.may_see_status(peer_of(request)); !allowed) {
        response.status = 403;
        response.set_content(allowed.error().context + "\n", plain_text);
        return;
      }
      const auto status = sources_.status();
      response.status = status ? 200 : 503;
      if (status)
        response.set_content(*status + "\n", "application/json");
      else
        response.set_content(status.error().context + "\n", plain_text);
    });
  }

  http_sources sources_;
  const http_server_options options_;
  std::unique_ptr<httplib::Server> server_;
  std::atomic<bool> ended_{false};
  int port_ = 0;
  std::thread thread_;
};

http_server::http_server(std::unique_ptr<impl> self) : impl_(std::move(self)) {}
http_server::~http_server() = default;

result<std::unique_ptr<http_server>> http_server::start(http_sources sources,
                                                        const http_server_options& options) {
  auto made = std::make_unique<impl>(std::move(sources), options);
  GRAPHITE_CHECK(made->listen());
  return std::unique_ptr<http_server>(new http_server(std::move(made)));
}

std::uint16_t http_server::port() const { return impl_->port(); }

std::string http_server::address() const { return fmt::format("{}:{}", impl_->host(), impl_->port()); }

}  // namespace graphite
