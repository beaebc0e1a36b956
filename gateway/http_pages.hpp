#pragma once

#include <kj/async.h>
#include <kj/compat/http.h>
#include <kj/timer.h>

#include <atomic>
#include <memory>
#include <string>

#include "gateway/http_server.hpp"

namespace graphite {

struct http_question {
  kj::HttpMethod method = kj::HttpMethod::GET;
  std::string path;  ///< without "?…"
  std::string host;  ///< the header `Host`; empty: none
  http_peer who;
  bool by_tls = false;
};

struct http_answer {
  unsigned status = 200;
  std::string kind, body;
};

/// One line of text.
http_answer text_answer(unsigned status, const std::string& line);
/// As it goes over the wire, after which nothing comes.
std::string to_wire(const http_answer& what, bool without_body);

/// What an HTTP server answers to whom. On its loop's thread.
class http_pages {
 public:
  /// All outlive it.
  http_pages(const http_sources& sources, const http_server_options& options, kj::Timer& timer)
      : sources_(sources), options_(options), timer_(timer) {}

  kj::Promise<http_answer> answer(const http_question& asked);

 private:
  result<void> may_ask(const http_question& asked) const;
  kj::Promise<http_answer> status();

  const http_sources& sources_;
  const http_server_options& options_;
  kj::Timer& timer_;
  /// Replies that are owed; outlives this because a late one still counts itself out.
  std::shared_ptr<std::atomic<std::uint32_t>> questions_ = std::make_shared<std::atomic<std::uint32_t>>(0);
};

}  // namespace graphite
