#pragma once

#include "bindings/c/machine_functions.hpp"
#include "platform/linux/io_service.hpp"

namespace graphite::c_api {

/// io_calls by an io_service.
class served_calls final : public io_calls {
 public:
  explicit served_calls(std::unique_ptr<io_service> service) : service_(std::move(service)) {}
  result<std::uint64_t> submit(const io_request& request, std::function<void(const io_completion&)> done,
                               std::uint64_t* token) override {
    return service_->submit(request, std::move(done), token);
  }
  void cancel(std::uint64_t token) override { service_->cancel(token); }
  void drain() override { service_->drain(); }
  std::size_t active() const override { return service_->active(); }
  const async_io_facts& facts() const override { return service_->facts(); }

 private:
  std::unique_ptr<io_service> service_;
};

}  // namespace graphite::c_api
