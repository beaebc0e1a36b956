#include "cli/http_server.hpp"

#include "platform/linux/thread_name.hpp"

#include <arpa/inet.h>
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

bool is_loopback(const std::string& address) {
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, address.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/// The host of a `Host:` header without its port.
std::string host_of(const std::string& header) {
  if (!header.empty() && header[0] == '[') return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.find(':'));
}

constexpr const char* plain_text = "text/plain; charset=utf-8";

}  // namespace

class http_server::impl {
 public:
  impl(http_sources sources, const http_server_options& options)
      : sources_(std::move(sources)), options_(options) {
    configure();
    route();
  }

  ~impl() {
    if (!thread_.joinable()) return;
    server_.wait_until_ready_or_ended();
    server_.stop();
    thread_.join();
  }

  result<void> listen() {
    if (!is_loopback(options_.address))
      return fail(errc::invalid_argument, options_.address + " is not an address of this machine's loopback");
    port_ = bind();
    if (port_ <= 0)
      return fail(errc::already_exists,
                  fmt::format("cannot listen on {}:{}", options_.address, options_.port));
    thread_ = std::thread([this] {
      name_thread("http");
      server_.listen_after_bind();
      server_.ended = true;
    });
    return {};
  }

  std::uint16_t port() const { return static_cast<std::uint16_t>(port_); }
  const std::string& host() const { return options_.address; }

 private:
  /// stop() before listen_after_bind() has begun would be lost.
  class stoppable_server : public httplib::Server {
   public:
    void wait_until_ready_or_ended() {
      while (!is_running() && !ended) std::this_thread::yield();
    }
    std::atomic<bool> ended{false};
  };

  int bind() {
    if (options_.port != 0 && server_.bind_to_port(options_.address, options_.port)) return options_.port;
    if (options_.port != 0 && !options_.any_port_if_taken) return -1;
    return server_.bind_to_any_port(options_.address);
  }

  void configure() {
    server_.new_task_queue = [this] {
      return new bounded_queue(options_.threads, options_.connections_waiting_max);
    };
    // httplib's own options have SO_REUSEPORT: two processes would share the port.
    server_.set_socket_options([](socket_t socket) {
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.set_payload_max_length(options_.request_bytes_max);
    server_.set_read_timeout(options_.timeout_seconds, 0);
    server_.set_write_timeout(options_.timeout_seconds, 0);
    server_.set_keep_alive_timeout(options_.timeout_seconds);
    server_.set_keep_alive_max_count(1);  // with few threads, a kept connection keeps others out
  }

  void route() {
    server_.set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
      const std::string host = host_of(request.get_header_value("Host"));
      if (host == "localhost" || is_loopback(host)) return httplib::Server::HandlerResponse::Unhandled;
      response.status = 403;
      response.set_content("ask for localhost\n", plain_text);
      return httplib::Server::HandlerResponse::Handled;
    });
    server_.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
      response.set_content(sources_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
    server_.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", plain_text);
    });
    server_.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
      const bool ready = sources_.ready();
      response.status = ready ? 200 : 503;
      response.set_content(ready ? "ok\n" : "not ready\n", plain_text);
    });
    server_.Get("/status", [this](const httplib::Request&, httplib::Response& response) {
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
  stoppable_server server_;
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
