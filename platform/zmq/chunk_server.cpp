#include "platform/zmq/chunk_server.hpp"

#include "platform/zmq/request_router.hpp"

namespace graphite {
namespace {

class router_chunk_server final : public chunk_server {
 public:
  explicit router_chunk_server(std::unique_ptr<request_router> router) : router_(std::move(router)) {}
  std::string address() const override { return router_->address(); }
  counters count() const override {
    const auto now = router_->count();
    return {now.requests, now.bytes_sent, now.refused};
  }

 private:
  const std::unique_ptr<request_router> router_;
};

}  // namespace

result<std::unique_ptr<chunk_server>> make_zmq_chunk_server(std::shared_ptr<zmq_context> context,
                                                            const zmq_chunk_server_options& options,
                                                            chunk_handler& handler) {
  request_router_options how;
  how.name = "chunk port";
  how.threads = "chunk";
  how.listen = options.listen;
  how.connections = options.connections;
  how.frame_bytes_max = options.request_bytes_max;
  how.requests_of_round_max = 256;
  how.waiting = {options.listen.keys ? options.waiting_requests_max : options.waiting_requests_local_max,
                 options.waiting_bytes_max};
  how.log = options.log;
  GRAPHITE_TRY(auto router,
               request_router::open(std::move(context), how,
                                    {[&handler](request_router::ticket, const auto& who, auto request) {
                                       return std::optional(handler.handle(who, request.front()));
                                     },
                                     nullptr}));
  return std::make_unique<router_chunk_server>(std::move(router));
}

}  // namespace graphite
