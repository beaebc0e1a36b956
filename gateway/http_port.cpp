#include "gateway/http_port.hpp"

#include <optional>

#include "gateway/metered_stream.hpp"
#include "gateway/stream_failure.hpp"
#include "gateway/tls_stream.hpp"

namespace graphite {

namespace {

std::string text_of(kj::Maybe<kj::StringPtr> header) {
  KJ_IF_MAYBE (text, header) return {text->begin(), text->size()};
  return {};
}

std::string path_of(kj::StringPtr url) {
  const std::string whole(url.begin(), url.size());
  return whole.substr(0, whole.find('?'));
}

std::string bearer_of(const std::string& authorization) {
  constexpr std::string_view scheme = "Bearer ";
  return authorization.starts_with(scheme) ? authorization.substr(scheme.size()) : std::string();
}

}  // namespace

/// One client from its first byte on. The members' order is their lives': socket, TLS, request.
///
///   unproved --TLS, or a request without it--> proved --request, answer--> lingers --> (ends)
///            --anything else--> told to the log, lingers --> (ends)
class http_port::visitor {
 public:
  visitor(http_port& port, kj::AuthenticatedStream client)
      : port_(port),
        name_(client.peerIdentity->toString().cStr()),
        socket_(kj::mv(client.stream), port.limits_.request_bytes_max,
                [this] {
                  if (!lingers_) port_.refusals_.tell(name_, "its request is too long");
                }),
        queue_(&port.unproved_),
        place_(queue_->insert(queue_->end(), this)) {}
  visitor(const visitor&) = delete;
  visitor& operator=(const visitor&) = delete;
  ~visitor() { leave_queue(); }

  kj::Promise<void> run() {
    return kj::evalNow([this] { return serve(); }).exclusiveJoin(kj::mv(closed_.promise));
  }

  /// For a newer one.
  void close() {
    leave_queue();
    if (!lingers_) port_.refusals_.tell(name_, "it was slow while others came");
    closed_.fulfiller->fulfill();
  }

 private:
  kj::Promise<void> serve() {
    return begin_tls()
        .then([this] { return hear(); })
        .then([this](const http_answer& answer) { return say(answer); })
        .catch_([this](kj::Exception&& problem) { give_up(problem); })
        .then([this] { return linger(); });
  }

  kj::Promise<void> begin_tls() {
    const auto tls = port_.tls_.now();
    if (!tls) return kj::READY_NOW;
    auto session = tls->begin();
    if (!session) return stream_failure(kj::Exception::Type::FAILED, session.error().context);
    tls_.emplace(socket_, std::move(*session));
    return within(port_.limits_.handshake_timeout, tls_->shake_hands(), "no TLS handshake in time")
        .then([this] {
          const auto name = tls_->peer_common_name();
          auto visit = port_.identities_.enter(name, std::chrono::steady_clock::now());
          if (!visit) {
            refusal_ = std::move(visit).error();
            return;
          }
          visit_ = std::move(*visit);
          proved();
        });
  }

  kj::Promise<http_answer> hear() {
    http_ = kj::newHttpInputStream(in(), *port_.headers_.table);
    return within(port_.limits_.request_timeout, http_->readRequest(), "no request in time")
        .then([this](kj::HttpInputStream::Request&& asked) { return answer_to(asked); },
              [](kj::Exception&& problem) -> kj::Promise<http_answer> {
                if (problem.getType() != kj::Exception::Type::FAILED) return kj::mv(problem);  // late or gone
                return text_answer(400, "this is no request");
              });
  }

  kj::Promise<http_answer> answer_to(const kj::HttpInputStream::Request& asked) {
    if (!tls_) proved();
    if (refusal_) return text_answer(503, refusal_->context);
    http_question out;
    out.method = asked.method;
    out.path = path_of(asked.url);
    out.host = text_of(asked.headers.get(kj::HttpHeaderId::HOST));
    out.who.bearer = bearer_of(text_of(asked.headers.get(port_.headers_.authorization)));
    out.by_tls = tls_.has_value();
    if (tls_) out.who.common_name = tls_->peer_common_name();
    without_body_ = out.method == kj::HttpMethod::HEAD;
    return port_.pages_.answer(out);
  }

  kj::Promise<void> say(const http_answer& answer) {
    if (answer.status == 403) port_.refusals_.tell(name_, answer.body.substr(0, answer.body.size() - 1));
    said_ = to_wire(answer, without_body_);
    auto taken = out().write(said_.data(), said_.size()).then([this]() -> kj::Promise<void> {
      if (tls_) return tls_->end();
      return kj::READY_NOW;
    });
    return within(port_.limits_.answer_timeout, kj::mv(taken), "it does not take its answer");
  }

  void give_up(const kj::Exception& problem) {
    const bool only_left = problem.getType() == kj::Exception::Type::DISCONNECTED && (!tls_ || visit_);
    if (only_left)
      port_.log_.debug("a client at {} went: {}", name_, problem.getDescription().cStr());
    else
      port_.refusals_.tell(name_, problem.getDescription().cStr());
  }

  /// Lets the other side read what was said last, which a reset would take from it.
  kj::Promise<void> linger() {
    lingers_ = true;
    socket_.shutdownWrite();
    return socket_.drain().exclusiveJoin(after(port_.limits_.linger));
  }

  void proved() {
    leave_queue();
    if (port_.proved_.size() >= port_.limits_.proved_max) port_.proved_.front()->close();
    queue_ = &port_.proved_;
    place_ = queue_->insert(queue_->end(), this);
  }

  void leave_queue() {
    if (place_) queue_->erase(*place_);
    place_.reset();
  }

  kj::Promise<void> after(milliseconds wait) {
    return port_.timer_.afterDelay(wait.count() * kj::MILLISECONDS);
  }

  template <class T>
  kj::Promise<T> within(milliseconds limit, kj::Promise<T> what, const char* late) {
    return what.exclusiveJoin(after(limit).then(
        [late]() -> kj::Promise<T> { return stream_failure(kj::Exception::Type::OVERLOADED, late); }));
  }

  kj::AsyncInputStream& in() {
    if (tls_) return *tls_;
    return socket_;
  }
  kj::AsyncOutputStream& out() {
    if (tls_) return *tls_;
    return socket_;
  }

  http_port& port_;
  const std::string name_;
  metered_stream socket_;
  std::optional<tls_stream> tls_;
  kj::Own<kj::HttpInputStream> http_;
  std::unique_ptr<identity_table::visit> visit_;  ///< of a certificate
  std::optional<error> refusal_;                  ///< the answer, whatever is asked
  std::list<visitor*>* queue_;
  std::optional<std::list<visitor*>::iterator> place_;
  std::string said_;
  bool without_body_ = false, lingers_ = false;
  kj::PromiseFulfillerPair<void> closed_ = kj::newPromiseAndFulfiller<void>();
};

http_port::http_port(parts from)
    : limits_(from.options.limits),
      tls_(from.tls),
      timer_(from.timer),
      log_(from.log),
      acceptor_(kj::mv(from.receiver), limits_.accepts, timer_, log_),
      refusals_(log_, "operators' port", limits_.refusals_logged),
      pages_(from.sources, from.options, timer_),
      identities_(limits_.identities),
      visitors_(*this) {}

http_port::~http_port() noexcept(false) = default;

kj::Promise<void> http_port::run() {
  return acceptor_.run([this](kj::AuthenticatedStream client) { admit(kj::mv(client)); });
}

void http_port::admit(kj::AuthenticatedStream client) {
  if (unproved_.size() >= limits_.unproved_max) unproved_.front()->close();
  auto one = kj::heap<visitor>(*this, kj::mv(client));
  auto done = one->run();
  visitors_.add(done.attach(kj::mv(one)));
}

void http_port::taskFailed(kj::Exception&& problem) {
  log_.debug("operators' port: a client's connection broke: {}", problem.getDescription().cStr());
}

}  // namespace graphite
