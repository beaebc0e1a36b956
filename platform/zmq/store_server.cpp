#include "platform/zmq/store_server.hpp"

#include "platform/zmq/request_router.hpp"

namespace graphite {
namespace {

class router_store_server final : public store_server {
 public:
  explicit router_store_server(std::unique_ptr<request_router> router) : router_(std::move(router)) {}
  std::string address() const override { return router_->address(); }
  counters count() const override {
    const auto now = router_->count();
    return {now.requests, now.bytes_taken, now.bytes_sent, now.refused};
  }

 private:
  const std::unique_ptr<request_router> router_;
};

}  // namespace

result<std::unique_ptr<store_server>> make_zmq_store_server(std::shared_ptr<zmq_context> context,
                                                            const zmq_store_server_options& options,
                                                            store_handler& handler) {
  request_router_options how;
  how.name = "store port";
  how.threads = "store";
  how.listen = options.listen;
  how.connections = options.connections;
  how.frame_bytes_max = wire_bytes(options.frame_bytes_max, true);  // CURVE's seal counts
  how.frames_max = options.frames_max;
  how.unsent_answers_max = 8;
  how.put_off_max = options.put_off_max;
  how.waiting = {options.waiting_requests_max, options.waiting_bytes_max};
  how.log = options.log;
  GRAPHITE_TRY(auto router,
               request_router::open(std::move(context), how,
                                    {[&handler](request_router::ticket which, const auto& who, auto request) {
                                       return handler.handle(which, who, request);
                                     },
                                     [&handler] { return handler.flush(); }}));
  return std::make_unique<router_store_server>(std::move(router));
}

}  // namespace graphite
