#include "platform/zmq/request_router.hpp"

#include <fmt/format.h>

#include "platform/linux/thread_name.hpp"
#include "platform/zmq/message_bytes.hpp"

namespace graphite {

namespace {

constexpr std::size_t number_bytes = 8;  ///< of a request, by its asker

zmq::socket_t make_router(zmq_context& context, const request_router_options& options) {
  zmq::socket_t socket(context.get(), zmq::socket_type::router);
  apply_limits(socket, options.frame_bytes_max);
  socket.set(zmq::sockopt::sndhwm, 16);  // messages of up to 1 MiB each: a slow peer holds few
  never_stop_input(socket);
  if (options.listen.keys) secure_server(socket, served_port::chunks, *options.listen.keys);
  return socket;
}

}  // namespace

result<std::unique_ptr<request_router>> request_router::open(std::shared_ptr<zmq_context> context,
                                                             const request_router_options& options,
                                                             handler how) {
  try {
    zmq::socket_t socket = make_router(*context, options);
    GRAPHITE_TRY(auto wake, wake_event::make());
    GRAPHITE_TRY(auto listens, listen_at(*context, socket, options.listen, options.connections));
    return std::unique_ptr<request_router>(new request_router(
        std::move(context), std::move(socket), std::move(listens), std::move(wake), options, std::move(how)));
  } catch (const zmq::error_t& e) {
    return fail(errc::io, fmt::format("{}: {}", options.name, e.what()));
  }
}

request_router::request_router(std::shared_ptr<zmq_context> context, zmq::socket_t socket, listening listens,
                               wake_event wake, const request_router_options& options, handler how)
    : context_(std::move(context)),
      accepts_(std::move(listens.accepts)),
      socket_(std::move(socket)),
      address_(std::move(listens.address)),
      wake_(std::move(wake)),
      options_(options),
      handler_(std::move(how)),
      trouble_(options.name, options.log),
      refused_peers_(options.name, options.log),
      waiting_(options.waiting) {
  port_thread_ = std::thread([this] {
    name_thread((options_.threads + "-server").c_str());
    run();
  });
  handler_thread_ = std::thread([this] {
    name_thread((options_.threads + "-handler").c_str());
    handle_waiting();
  });
  if (!handler_.flush) return;
  flush_thread_ = std::thread([this] {
    name_thread((options_.threads + "-flush").c_str());
    flush_put_off();
  });
}

request_router::~request_router() {
  {
    const std::lock_guard lock(mutex_);
    stopping_.store(true);
  }
  wake_.set();
  may_go_on_.notify_all();
  port_thread_.join();
  handler_thread_.join();
  if (flush_thread_.joinable()) flush_thread_.join();
  if (accepts_) accepts_->leave();
}

void request_router::run() {
  trouble_.run(
      wake_, stopping_, [this] { open_anew(); }, [this] { go_round(); });
}

void request_router::go_round() {
  zmq::pollitem_t items[] = {{socket_.handle(), 0, ZMQ_POLLIN, 0},
                             {nullptr, wake_.descriptor(), ZMQ_POLLIN, 0},
                             accepts_ ? accepts_->item() : zmq::pollitem_t{}};
  zmq::poll(items, accepts_ ? 3 : 2, accepts_ ? accepts_->wait() : milliseconds(-1));
  wake_.clear();
  if (accepts_) accepts_->take_events(refused_peers_);
  if (accepts_ && accepts_->wants_replacement(std::chrono::steady_clock::now())) open_anew();
  send_answers();
  for (int i = 0; i < options_.requests_of_round_max && take_one(); ++i) {
  }
}

void request_router::open_anew() {
  if (accepts_) accepts_->leave();
  socket_.close();
  socket_ = make_router(*context_, options_);
  if (accepts_)
    accepts_->serve(context_->get(), socket_);
  else
    socket_.bind("tcp://" + address_);
}

/// False: nothing to read.
bool request_router::take_one() {
  zmq::message_t peer;
  if (!socket_.recv(peer, zmq::recv_flags::dontwait)) return false;
  waiting_request request;
  request.peer = peer.to_string();
  bool sound = peer.more() && receive(request.id) && request.id.size() == number_bytes && request.id.more() &&
               receive(request.body);
  if (accepts_ && sound) request.who = sender_of(request.body);
  bool more = sound ? request.body.more() : request.id.more();
  while (more) {
    zmq::message_t frame;
    if (!receive(frame)) break;
    more = frame.more();
    sound = sound && request.raw.size() + 1 < options_.frames_max;
    if (sound) request.raw.push_back(std::move(frame));
  }
  if (!sound || (accepts_ && !request.who) || !keep(std::move(request))) ++refused_;
  return true;
}

bool request_router::receive(zmq::message_t& message) {
  if (!socket_.recv(message, zmq::recv_flags::none)) return false;
  bytes_taken_ += message.size();
  if (accepts_) accepts_->took(message, message.more() ? std::nullopt : sender_of(message));
  return true;
}

bool request_router::keep(waiting_request request) {
  const std::lock_guard lock(mutex_);
  if (!waiting_.add(std::move(request))) return false;
  may_go_on_.notify_all();
  return true;
}

void request_router::handle_waiting() {
  std::unique_lock lock(mutex_);
  while (true) {
    may_go_on_.wait(lock, [this] {
      return stopping_.load() || (!waiting_.empty() && answers_.size() < options_.unsent_answers_max &&
                                  put_off_.size() <= options_.put_off_max);
    });
    if (stopping_.load()) return;
    waiting_request next = waiting_.take();
    const auto which = ++last_ticket_;
    put_off_.emplace(which, asker{std::move(next.peer), std::move(next.id)});
    lock.unlock();
    ++requests_;
    std::vector<byte_span> message{bytes_of(next.body)};
    for (const auto& frame : next.raw) message.push_back(bytes_of(frame));
    auto said = handler_.handle(which, next.who, message);
    lock.lock();
    if (said) {
      answer_locked(which, std::move(*said));
    } else {
      wants_flush_ = true;
      may_go_on_.notify_all();
    }
  }
}

void request_router::flush_put_off() {
  std::unique_lock lock(mutex_);
  while (true) {
    may_go_on_.wait(lock, [this] { return stopping_.load() || wants_flush_; });
    if (stopping_.load()) return;
    wants_flush_ = false;
    lock.unlock();
    auto answered = handler_.flush();
    lock.lock();
    for (auto& [which, said] : answered) answer_locked(which, std::move(said));
    may_go_on_.notify_all();
  }
}

void request_router::answer_locked(ticket which, frames what) {
  auto found = put_off_.extract(which);
  if (found.empty() || what.empty()) return;
  answers_.push_back({std::move(found.mapped()), std::move(what)});
  wake_.set();
}

void request_router::send_answers() {
  std::deque<answer> taken;
  {
    const std::lock_guard lock(mutex_);
    taken.swap(answers_);
  }
  if (taken.empty()) return;
  may_go_on_.notify_all();
  for (auto& one : taken) send(one);
}

void request_router::send(answer& one) {
  // ROUTER drops what a peer does not take; with router_mandatory unset that is silent, as we want.
  socket_.send(zmq::buffer(one.to.peer), zmq::send_flags::sndmore);
  socket_.send(one.to.id, zmq::send_flags::sndmore);
  for (std::size_t i = 0; i < one.what.size(); ++i) {
    const auto& frame = one.what[i];
    const bool last = i + 1 == one.what.size();
    socket_.send(zmq::buffer(frame.data(), frame.size()),
                 last ? zmq::send_flags::none : zmq::send_flags::sndmore);
    bytes_sent_ += frame.size();
  }
}

}  // namespace graphite
