#include "cli/node_store.hpp"

#include <sys/statvfs.h>

#include <algorithm>
#include <filesystem>

#include "cli/store_keeper.hpp"
#include "core/messages/zap.hpp"
#include "platform/zmq/store_link.hpp"
#include "platform/zmq/store_server.hpp"
#include "platform/zmq/zap_handler.hpp"

namespace graphite {

result<void> content_folder::open(const std::string& folder, std::uint64_t bytes_max, const hasher& hash,
                                  log_sink& log, const std::function<void(const error&)>& on_failed_sync) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) return fail_errno(code.value(), "cannot make the folder " + folder);
  GRAPHITE_TRY(rows, rocks_store::open({.folder = folder + "/db", .on_failed_sync = on_failed_sync}, log));
  segment_store_options store;
  store.folder = folder + "/segments";
  store.on_failed_sync = on_failed_sync;
  // One is open, and a part of it reserved ahead; one is copied out at a time.
  store.segment_bytes = std::clamp<std::uint64_t>(bytes_max / 16, 4 * MiB, store.segment_bytes);
  store.reserve_bytes_max = std::min(store.reserve_bytes_max, store.segment_bytes / 2);
  GRAPHITE_TRY(contents, segment_store::open(store, *rows, hash, log));
  return contents->sync();
}

namespace {

/// Segments of which less than a quarter is dead are not copied out: so much less than the files.
constexpr std::uint64_t contents_of_files(std::uint64_t bytes) { return bytes / 4 * 3; }

class linux_node_store final : public node_store {
 public:
  linux_node_store(node_store_options options, curve_pair_ptr own, control_keys& keys, const hasher& hash,
                   clock_source& clock, log_sink& log)
      : options_(std::move(options)),
        own_(std::move(own)),
        keys_(keys),
        hash_(hash),
        clock_(clock),
        log_(log) {}
  ~linux_node_store() override {
    if (others_) others_->stop();  // ends what the keeper may wait for
    keeper_.reset();
  }

  result<void> open() {
    GRAPHITE_TRY(const auto most, bytes_max());
    GRAPHITE_CHECK(kept_.open(options_.folder, most, hash_, log_, options_.on_failed_sync));
    GRAPHITE_CHECK(open_port(most));
    return open_keeper();
  }

  std::string address() const override { return server_->address(); }

  void use(const control::settings& said) override {
    auto others = said;
    std::erase_if(others.stores, [this](const auto& one) { return one.key == own_->key; });
    others_->set_stores(others);
    keeper_->use(said);
  }

  void answered(const control::need_answer& said) override { keeper_->answered(said); }

 private:
  /// Three quarters of the file system where nobody says it.
  result<std::uint64_t> bytes_max() const {
    if (options_.bytes_max != 0) return options_.bytes_max;
    std::error_code code;
    std::filesystem::create_directories(options_.folder, code);
    struct statvfs facts {};
    if (::statvfs(options_.folder.c_str(), &facts) != 0)
      return fail_errno(errno, "ask for the size of " + options_.folder);
    return static_cast<std::uint64_t>(facts.f_blocks) * facts.f_frsize / 4 * 3;
  }

  result<void> open_port(std::uint64_t most) {
    store_ledger::options keeping;
    keeping.bytes_max = contents_of_files(most);
    keeping.grace = std::chrono::seconds(options_.keep_s);
    port_ = std::make_unique<store_port>(*kept_.contents, hash_, clock_, store_uploads::options{},
                                         keys_.store_security(own_->key, log_), keeping);
    GRAPHITE_TRY(zmq_, zmq_context::make({1, 1024, 64}));
    zmq_store_server_options how;
    GRAPHITE_TRY(const auto where, parse_host_port(options_.listen));
    how.listen = {where.host, where.port, false, own_};
    how.connections.admission = port_.get();
    how.log = &log_;
    GRAPHITE_TRY(zap_, zap_handler::start(zmq_, *port_, &log_));
    GRAPHITE_TRY(server_, make_zmq_store_server(zmq_, how, *port_));
    return {};
  }

  result<void> open_keeper() {
    // A key of its own: other stores count enrolments by key, and the node's own traffic has one there, too.
    GRAPHITE_TRY(auto pair, make_curve_pair());
    const auto client = std::make_shared<const curve_pair>(std::move(pair));
    zmq_store_link_options how;
    how.own = client;
    GRAPHITE_TRY(auto zmq, zmq_context::make({1, 256, 64}));  // not the port's, whose admission is its own
    GRAPHITE_TRY(auto link, make_zmq_store_link(std::move(zmq), how));
    store_client::options copying;
    copying.bringing.asks_always = true;
    others_ = std::make_unique<store_traffic>(
        store_traffic::ports{std::move(link), *kept_.contents, hash_, clock_, log_}, keys_.incarnation(),
        copying, keys_.enrolling(client->key));
    store_keeper::options by_itself;
    by_itself.self = user_id_of(own_->key);
    keeper_ = std::make_unique<store_keeper>(
        store_keeper::ports{*port_, *kept_.contents, *kept_.rows, *others_, hash_, clock_, log_, options_.ask,
                            options_.tell, [this] { return keys_.trust(); }},
        std::move(by_itself));
    return {};
  }

  const node_store_options options_;
  const curve_pair_ptr own_;
  control_keys& keys_;
  const hasher& hash_;
  clock_source& clock_;
  log_sink& log_;
  content_folder kept_;
  std::shared_ptr<zmq_context> zmq_;
  std::unique_ptr<store_port> port_;
  std::unique_ptr<zap_handler> zap_;
  std::unique_ptr<store_server> server_;
  std::unique_ptr<store_traffic> others_;
  std::unique_ptr<store_keeper> keeper_;
};

}  // namespace

result<std::unique_ptr<node_store>> node_store::open(const node_store_options& options, curve_pair_ptr own,
                                                     control_keys& keys, const hasher& hash,
                                                     clock_source& clock, log_sink& log) {
  auto out = std::make_unique<linux_node_store>(options, std::move(own), keys, hash, clock, log);
  GRAPHITE_CHECK(out->open());
  return out;
}

}  // namespace graphite
