#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <optional>

#include "cli/cluster_store.hpp"
#include "cli/store_port.hpp"
#include "platform/crypto/curve_keys.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/linux/clock.hpp"
#include "platform/store/segment_store.hpp"
#include "platform/zmq/store_link.hpp"
#include "platform/zmq/store_server.hpp"
#include "platform/zmq/zap_handler.hpp"
#include "tests/stores/role_keys.hpp"
#include "tests/support/memory_key_value_store.hpp"
#include "tests/support/recording_log.hpp"
#include "tests/support/seeded_random.hpp"
#include "tests/support/store_bytes.hpp"
#include "tests/support/temporary_folder.hpp"

namespace graphite::test {

/// Random numbers for several threads: who says hello takes some in his own.
class shared_random final : public random_source {
 public:
  std::uint64_t next() override {
    const std::lock_guard lock(mutex_);
    return numbers_.next();
  }

 private:
  std::mutex mutex_;
  seeded_random numbers_{1};
};

/// Stores and a node over real sockets and segment files, in one process.
class cluster_rig : public testing::Test {
 protected:
  /// What a store has: it outlives each of its starts.
  struct store_disk {
    temporary_folder folder{temporary_folder::quick_base()};
    memory_key_value_store rows;
  };
  struct running_store {
    std::shared_ptr<zmq_context> context;
    std::unique_ptr<segment_store> contents;
    std::unique_ptr<store_port> port;
    std::unique_ptr<zap_handler> zap;
    std::unique_ptr<store_server> server;
  };
  /// What a process with keys has.
  struct process_keys {
    curve_pair_ptr curve;
    std::optional<hello_identity> self;
    byte_vector pass = {};
  };

  static segment_store_options segments_in(const std::string& folder) {
    segment_store_options out;
    out.folder = folder;
    out.segment_bytes = 4 << 20;
    out.on_failed_sync = [](const error& why) { ADD_FAILURE() << why.context; };
    return out;
  }

  void start_store(const std::string& name, std::uint16_t at = 0) {
    auto& disk = disks_.try_emplace(name).first->second;
    auto& run = running_[name];
    run.contents = segment_store::open(segments_in(disk.folder / "segments"), disk.rows, hash_, log_).value();
    ASSERT_TRUE(run.contents->sync());
    run.context = *zmq_context::make({1, 64, 64});
    run.port = std::make_unique<store_port>(*run.contents, hash_, clock_, store_uploads::options{},
                                            security_of(name), keeping_);
    zmq_store_server_options options;
    options.listen = {"127.0.0.1", at, false, keys_ ? store_keys_.at(name).curve : nullptr};
    options.connections.admission = keys_ ? run.port.get() : nullptr;
    options.log = &log_;
    if (keys_) run.zap = zap_handler::start(run.context, *run.port, &log_).value();
    run.server = make_zmq_store_server(run.context, options, *run.port).value();
    addresses_[name] = run.server->address();
  }
  /// From now on all have keys.
  void use_keys() {
    keys_.emplace();
    keys_->unix_now = clock_.unix_ns();
  }
  process_keys new_keys(role what, const std::string& name) {
    return {std::make_shared<const curve_pair>(make_curve_pair().value()),
            keys_->identity(what, name, ++last_serial_)};
  }
  std::optional<store_port_security> security_of(const std::string& name) {
    if (!keys_) return std::nullopt;
    if (!store_keys_.contains(name)) store_keys_.emplace(name, new_keys(role::node, name));
    const auto& own = store_keys_.at(name);
    store_access access(*own.self, own.curve->key, keys_->trust(revoked_), {}, keys_->verifier);
    access.admit(own.curve->key);
    return store_port_security{std::move(access), &random_, &log_};
  }
  /// As by `kill -9`: nothing is answered any more, and what was not synced may be gone.
  void kill_store(const std::string& name) { running_.erase(name); }
  void restart_store(const std::string& name) {
    start_store(name, parse_host_port(addresses_.at(name))->port);
  }

  /// A node's cache and its way to the stores.
  struct node {
    explicit node(cluster_rig& rig, cluster_store::options chosen = {}, store_client::options client = {},
                  std::optional<process_keys> keys = std::nullopt)
        : local(segment_store::open(segments_in(folder / "cache"), rows, rig.hash_, rig.log_).value()),
          traffic({rig.link_of(keys), *local, rig.hash_, rig.clock_, rig.log_}, rig.next_incarnation(),
                  client, rig.enrolling_as(keys)),
          store(*local, traffic, std::move(chosen)) {}
    temporary_folder folder{temporary_folder::quick_base()};
    memory_key_value_store rows;
    std::unique_ptr<segment_store> local;
    store_traffic traffic;
    cluster_store store;
  };
  /// Flips a byte of a content where a store keeps it.
  static void damage(segment_store& contents, const content_ref& content, std::uint64_t at) {
    const auto where = contents.find(content.id).value()->where.value();
    const int file = ::open(contents.segment_path(where.segment).c_str(), O_RDWR | O_CLOEXEC);
    ASSERT_GE(file, 0);
    char byte = 0;
    const auto offset = static_cast<off_t>(where.offset + at);
    EXPECT_EQ(::pread(file, &byte, 1, offset), 1);
    byte = static_cast<char>(byte ^ 1);
    EXPECT_EQ(::pwrite(file, &byte, 1, offset), 1);
    ::close(file);
  }
  void damage(const std::string& store, const content_ref& content, std::uint64_t at) {
    damage(*running_.at(store).contents, content, at);
  }
  void tell(node& to, const std::vector<std::string>& names, std::size_t copies) {
    std::vector<store_endpoint> stores;
    for (const auto& name : names) stores.push_back(endpoint_of(name));
    to.traffic.set_stores(std::move(stores), copies);
  }
  std::unique_ptr<store_link> link_of(const std::optional<process_keys>& keys) {
    zmq_store_link_options options;
    if (keys) options.own = keys->curve;
    return make_zmq_store_link(context_, options).value();
  }
  std::optional<store_traffic::enrolling> enrolling_as(const std::optional<process_keys>& keys) {
    if (!keys) return std::nullopt;
    store_traffic::enrolling out;
    out.shown = {keys->curve->key, keys->self, keys->pass};
    out.verifier = &keys_->verifier;
    out.random = &random_;
    out.trust = [this] { return keys_->trust(); };
    out.how.pause = milliseconds(50);
    return out;
  }
  store_endpoint endpoint_of(const std::string& name) {
    store_endpoint out{name, addresses_.at(name)};
    if (keys_) out.key = store_keys_.at(name).curve->key;
    return out;
  }
  incarnation_id next_incarnation() {
    incarnation_id out;
    out.value.bytes[0] = ++last_incarnation_;
    return out;
  }
  bool has(const std::string& store, const sample_content& one) {
    byte_vector out(one.bytes.size());
    return running_.at(store).contents->read(one.ref.id, 0, out) && out == one.bytes;
  }
  static byte_vector read_all(const chunk_store& from, const content_ref& content) {
    byte_vector out(content.size);
    const auto read = from.read(content.id, 0, out);
    EXPECT_TRUE(read) << read.error().context;
    return out;
  }

  openssl_hasher hash_;
  system_clock_source clock_;
  recording_log log_;
  std::shared_ptr<zmq_context> context_ = *zmq_context::make({1, 256, 64});
  std::optional<role_keys> keys_;
  std::set<std::uint64_t> revoked_;
  std::optional<store_ledger::options> keeping_;  ///< of stores that start from now on
  shared_random random_;
  std::map<std::string, process_keys> store_keys_;
  std::uint64_t last_serial_ = 0;
  std::map<std::string, store_disk> disks_;
  std::map<std::string, running_store> running_;
  std::map<std::string, std::string> addresses_;
  std::uint8_t last_incarnation_ = 0;
};

}  // namespace graphite::test
