#include "gateway/http_pages.hpp"

#include <fmt/format.h>

#include "gateway/listen_address.hpp"
#include "gateway/pending_answer.hpp"

namespace graphite {

namespace {

const char* reason_of(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 501:
      return "Not Implemented";
    default:
      return "Service Unavailable";
  }
}

/// The host of a `Host:` header without its port.
std::string host_of(const std::string& header) {
  if (!header.empty() && header[0] == '[') return header.substr(1, header.find(']') - 1);
  return header.substr(0, header.find(':'));
}

http_answer status_answer(result<std::string> status) {
  if (!status) return text_answer(503, status.error().context);
  return {200, "application/json", *status + "\n"};
}

}  // namespace

http_answer text_answer(unsigned status, const std::string& line) {
  return {status, "text/plain; charset=utf-8", line + "\n"};
}

std::string to_wire(const http_answer& what, bool without_body) {
  auto out =
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                  what.status, reason_of(what.status), what.kind, what.body.size());
  if (!without_body) out += what.body;
  return out;
}

/// With certificates: who is revoked is told nothing at all. Else a page of another host must not ask.
result<void> http_pages::may_ask(const http_question& asked) const {
  if (!asked.by_tls) {
    const std::string host = host_of(asked.host);
    if (host != "localhost" && !is_loopback_host(host))
      return fail(errc::permission_denied, "ask for localhost");
  }
  return options_.may_ask(asked.who);
}

kj::Promise<http_answer> http_pages::answer(const http_question& asked) {
  if (const auto allowed = may_ask(asked); !allowed) return text_answer(403, allowed.error().context);
  if (asked.method != kj::HttpMethod::GET && asked.method != kj::HttpMethod::HEAD)
    return text_answer(501, "only GET and HEAD are known");
  if (asked.path == "/metrics")
    return http_answer{200, "text/plain; version=0.0.4; charset=utf-8", sources_.metrics()};
  if (asked.path == "/healthz") return text_answer(200, "ok");
  if (asked.path == "/readyz")
    return sources_.ready() ? text_answer(200, "ok") : text_answer(503, "not ready");
  if (asked.path != "/status") return text_answer(404, "there are /metrics, /healthz, /readyz and /status");
  if (const auto allowed = options_.may_see_status(asked.who); !allowed)
    return text_answer(403, allowed.error().context);
  return status();
}

kj::Promise<http_answer> http_pages::status() {
  if (questions_->load() >= options_.limits.questions_max)
    return text_answer(503, "too many ask for the status; try again");
  auto paf = kj::newPromiseAndCrossThreadFulfiller<void>();
  auto box = std::make_shared<answer_box<std::string>>();
  sources_.status(
      [question = std::make_shared<pending_answer<std::string>>(kj::mv(paf.fulfiller), box, questions_)](
          result<std::string> status) { question->answer(std::move(status)); });
  auto late = timer_.afterDelay(options_.limits.status_timeout.count() * kj::MILLISECONDS).then([] {
    return text_answer(503, "the service did not say its status in time");
  });
  return paf.promise.then([box = std::move(box)] { return status_answer(box->take()); })
      .exclusiveJoin(kj::mv(late));
}

}  // namespace graphite
