#include "gateway/service_client.hpp"

#include "gateway/listen_address.hpp"
#include "gateway/service_client_impl.hpp"
#include "gateway/service_socket.hpp"

namespace graphite {

error error_of_call(const kj::Exception& problem) {
  const char* what = problem.getDescription().cStr();
  if (auto refused = tls_failure_text(what)) return {errc::permission_denied, std::move(*refused)};
  switch (problem.getType()) {
    case kj::Exception::Type::DISCONNECTED:
      return {errc::unavailable, "the service ended the connection; see its log"};
    case kj::Exception::Type::UNIMPLEMENTED:
      return {errc::newer_version, "the service is of an older version and does not know this question"};
    case kj::Exception::Type::OVERLOADED:
      return {errc::busy, what};
    case kj::Exception::Type::FAILED:
      break;
  }
  return {errc::corrupt, fmt::format("the service and this program do not understand each other: {}", what)};
}

namespace {

namespace wire = schema::service;

/// Without TLS whoever is on the way reads the token.
result<void> check_address(const service_address& address) {
  const auto colon = address.at.rfind(':');
  if (colon == std::string::npos)
    return fail(errc::invalid_argument, fmt::format("'{}' is not of the form HOST:PORT", address.at));
  std::string host = address.at.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  if (address.keys || host == "localhost" || is_loopback_host(host)) return {};
  return fail(errc::permission_denied,
              fmt::format("{} is another machine: it is asked with keys alone, --keys DIR", address.at));
}

/// Connects, and names the address in what goes wrong.
template <class Connect>
result<void> reach(const std::string& at, Connect&& connect) {
  auto done = guarded(connect);
  if (done) return done;
  auto& problem = done.error();
  if (problem.code == errc::unavailable) problem.context = "nobody serves " + at;
  if (problem.code == errc::permission_denied) problem.context = at + ": " + problem.context;
  return done;
}

}  // namespace

service_client::service_client(std::unique_ptr<impl> self) : impl_(std::move(self)) {}
service_client::~service_client() = default;

result<std::unique_ptr<service_client>> service_client::connect(service_client_options options) {
  if (!options.address.at.empty()) {
    GRAPHITE_CHECK(check_address(options.address));
  }
  return guarded([&]() -> result<std::unique_ptr<service_client>> {
    const std::string state = options.state_folder, at = options.address.at;
    std::unique_ptr<service_client> client(new service_client(std::make_unique<impl>(std::move(options))));
    if (at.empty()) {
      GRAPHITE_TRY(owned_fd fd, connect_service(state));
      client->impl_->connect(std::move(fd));
    } else if (auto reached = reach(at, [&] { return client->impl_->connect(); }); !reached) {
      return tl::unexpected(std::move(reached).error());
    }
    GRAPHITE_CHECK(client->impl_->hello());
    return client;
  });
}

const std::string& service_client::service_program() const { return impl_->program; }
std::uint64_t service_client::service_pid() const { return impl_->pid; }

result<build_summary> service_client::build(build_request request) {
  auto call = impl_->session.buildRequest();
  call.setKeepGoing(request.keep_going);
  call.setDryRun(request.dry_run);
  return impl_->call(kj::mv(call), milliseconds::zero());
}

result<service_status> service_client::status() {
  return impl_->call(impl_->session.statusRequest(), impl_->options.call_timeout);
}

result<why_answer> service_client::why(const std::string& path) {
  auto call = impl_->session.whyRequest();
  call.setPath(path);
  return impl_->call(kj::mv(call), impl_->options.call_timeout);
}

result<trace_page> service_client::trace(const std::string& build, std::uint64_t after) {
  auto call = impl_->session.traceRequest();
  call.setBuild(build);
  call.setAfter(after);
  return impl_->call(kj::mv(call), impl_->options.call_timeout);
}

result<graph_answer> service_client::graph(const graph_query& query) {
  auto call = impl_->session.graphRequest();
  call.setKind(service_codec::to_wire(query.what));
  call.setFrom(query.from);
  call.setTo(query.to);
  return impl_->call(kj::mv(call), impl_->options.call_timeout);
}

result<generation_diff> service_client::diff(const std::string& channel, std::uint64_t from,
                                             std::uint64_t to) {
  auto call = impl_->session.diffRequest();
  call.setChannel(channel);
  call.setFrom(from);
  call.setTo(to);
  return impl_->call(kj::mv(call), impl_->options.call_timeout);
}

result<head> service_client::rollback(const std::string& channel, std::uint64_t sequence) {
  auto call = impl_->session.rollbackRequest();
  call.setChannel(channel);
  call.setSequence(sequence);
  return impl_->call(kj::mv(call), impl_->options.call_timeout);
}

result<gc_report> service_client::gc(const gc_request& request) {
  auto call = impl_->session.gcRequest();
  call.setCacheBytesGiven(request.cache_bytes.has_value());
  call.setCacheBytes(request.cache_bytes.value_or(0));
  call.setDryRun(request.dry_run);
  return impl_->call(kj::mv(call), milliseconds::zero());
}

result<void> service_client::hold(milliseconds timeout) {
  if (impl_->held != nullptr) return fail(errc::already_exists, "this client holds already");
  auto call = impl_->session.holdRequest();
  call.setTimeoutMs(static_cast<std::uint64_t>(timeout.count()));
  return impl_->call(kj::mv(call), impl_->options.call_timeout,
                     [&](wire::HoldGrant::Reader grant) -> result<void> {
                       impl_->keep(grant.getHold());
                       return {};
                     });
}

result<bool> service_client::release() {
  KJ_IF_MAYBE (hold, impl_->held) {
    auto released = impl_->call(hold->releaseRequest(), impl_->options.call_timeout,
                                [](wire::Released::Reader in) { return result<bool>(in.getCount() > 0); });
    impl_->drop_hold();
    return released;
  }
  return false;
}

result<std::uint32_t> service_client::release_all() {
  return impl_->call(impl_->session.releaseAllRequest(), impl_->options.call_timeout,
                     [](wire::Released::Reader in) { return result<std::uint32_t>(in.getCount()); });
}

hold_state service_client::wait_for_hold_end(milliseconds wait) {
  if (impl_->hold_end == hold_state::in_force)
    impl_->io.provider->getTimer()
        .afterDelay(wait.count() * kj::MILLISECONDS)
        .exclusiveJoin(impl_->hold_watch.addBranch())
        .wait(impl_->io.waitScope);
  return impl_->hold_end;
}

result<void> service_client::stop(milliseconds timeout) {
  auto told = impl_->call(impl_->session.stopRequest(), timeout,
                          [](wire::Stopping::Reader) { return result<void>(); });
  // The service may be gone before its answer is: that is what was asked for.
  if (!told && told.error().code != errc::unavailable) return told;
  if (impl_->wait_for_disconnect(timeout)) return {};
  return fail(errc::timed_out, fmt::format("process {} was asked to stop and still runs", impl_->pid));
}

}  // namespace graphite
