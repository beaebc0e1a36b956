#include "platform/zmq/zap_handler.hpp"

#include <fmt/format.h>

#include <atomic>
#include <thread>
#include <zmq.hpp>

#include "core/messages/zap.hpp"
#include "platform/linux/thread_name.hpp"
#include "platform/zmq/message_bytes.hpp"
#include "platform/zmq/port_trouble.hpp"
#include "platform/zmq/refused_peers.hpp"
#include "platform/zmq/wake_event.hpp"

namespace graphite {
namespace {

constexpr const char* zap_endpoint = "inproc://zeromq.zap.01";

zmq::socket_t make_answering(zmq_context& context) {
  zmq::socket_t socket(context.get(), zmq::socket_type::rep);
  socket.set(zmq::sockopt::linger, 0);
  socket.bind(zap_endpoint);
  return socket;
}

class zap_thread final : public zap_handler {
 public:
  zap_thread(std::shared_ptr<zmq_context> context, zmq::socket_t socket, wake_event wake,
             peer_admission& admission, log_sink* log)
      : context_(std::move(context)),
        socket_(std::move(socket)),
        wake_(std::move(wake)),
        admission_(admission),
        trouble_("admission of peers", log),
        refused_heads_("heads port", log),
        thread_([this] {
          name_thread("peer-admission");
          run();
        }) {}

  ~zap_thread() override {
    stopping_.store(true);
    wake_.set();
    thread_.join();
  }

  counters count() const override { return {admitted_.load(), refused_.load()}; }

 private:
  void run() {
    trouble_.run(
        wake_, stopping_, [this] { open_anew(); }, [this] { go_round(); });
  }

  /// Whoever is asked about meanwhile is not let in, and asks again.
  void open_anew() {
    socket_.close();
    socket_ = make_answering(*context_);
  }

  void go_round() {
    zmq::pollitem_t items[] = {{socket_.handle(), 0, ZMQ_POLLIN, 0},
                               {nullptr, wake_.descriptor(), ZMQ_POLLIN, 0}};
    zmq::poll(items, 2, milliseconds(-1));
    wake_.clear();
    while (!stopping_.load() && answer_one()) {
    }
  }

  /// False: nothing to read.
  bool answer_one() {
    zmq::message_t part;
    if (!socket_.recv(part, zmq::recv_flags::dontwait)) return false;
    std::vector<byte_vector> frames;
    for (bool more = true; more; more = part.more() && socket_.recv(part, zmq::recv_flags::none)) {
      if (frames.size() > zap_frames_max) continue;  // one too many is kept: it is refused then
      const byte_span bytes = bytes_of(part);
      frames.emplace_back(bytes.begin(), bytes.end());
    }
    const auto allowed = decide(frames);
    ++(allowed ? admitted_ : refused_);
    if (!allowed) tell(frames, allowed.error());
    const auto answer = zap_answer(frames, allowed);
    for (std::size_t i = 0; i < answer.size(); ++i)
      socket_.send(zmq::buffer(answer[i]),
                   i + 1 == answer.size() ? zmq::send_flags::none : zmq::send_flags::sndmore);
    return true;
  }

  result<curve_key> decide(const std::vector<byte_vector>& frames) {
    GRAPHITE_TRY(const auto question, read_zap_question(frames));
    if (!admission_.admits(question.port, question.peer))
      return fail(errc::permission_denied, admission_.why_not(question.peer));
    return question.peer;
  }

  /// Only the heads port asks about keys that may not connect.
  void tell(const std::vector<byte_vector>& frames, const error& why) {
    const auto question = read_zap_question(frames);
    if (question)
      refused_heads_.key(question->peer, why.context);
    else
      refused_heads_.peer("", why.context);
  }

  const std::shared_ptr<zmq_context> context_;
  zmq::socket_t socket_;
  const wake_event wake_;
  peer_admission& admission_;
  port_trouble trouble_;
  refused_peers refused_heads_;
  std::atomic<std::uint64_t> admitted_{0}, refused_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace

result<std::unique_ptr<zap_handler>> zap_handler::start(std::shared_ptr<zmq_context> context,
                                                        peer_admission& admission, log_sink* log) {
  try {
    zmq::socket_t socket = make_answering(*context);
    GRAPHITE_TRY(auto wake, wake_event::make());
    return std::make_unique<zap_thread>(std::move(context), std::move(socket), std::move(wake), admission,
                                        log);
  } catch (const zmq::error_t& e) {
    if (e.num() == EADDRINUSE) return fail(errc::already_exists, "peers are admitted by somebody already");
    return fail(errc::io, fmt::format("admission of peers: {}", e.what()));
  }
}

}  // namespace graphite
