#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "bundle/snapshot_diff.hpp"
#include "cli/submit.hpp"
#include "gateway/local_service.hpp"
#include "tests/cli/commands/cli_support.hpp"
#include "tests/stores/cluster_rig.hpp"
#include "tests/stores/sample_contents.hpp"
#include "tests/support/fake_facade.hpp"
#include "tests/support/table_jobs.hpp"

namespace graphite::test {

/// `graphite submit` to a coordinator with a real table of jobs and real stores, and a planner that only
/// looks what is missing.
class submissions : public cluster_rig {
 protected:
  submissions() {
    write("graphite.toml", "[project]\nname = \"p\"\n");
    jobs_.has = [this](const content_ref& one) { return is_stored(one); };
    jobs_.look = [this](const job_request& request) { return missing_of(request); };
    jobs_.on_missing = [this](const missing_request& asked, missing_answer& out) {
      std::lock_guard lock(mutex_);
      asked_ += asked.contents.size();
      for (const auto& [name, run] : running_) {
        const auto there = endpoint_of(name);
        out.stores.push_back({there.address, there.key.value_or(curve_key{})});
      }
      if (!keys_) return;
      out.ticket = keys_->pass(coordinator_.value(), asked.client, keys_->valid());
      out.until_unix_ns = keys_->valid().until_unix_ns;
    };
    options_.state_folder = service_folder_.path();
    options_.jobs = jobs_.services();
    serve();
  }
  void serve() { service_ = std::move(local_service::start(facade_, options_, log_).value()); }
  void use_keys_everywhere() {
    use_keys();
    coordinator_ = keys_->identity(role::coordinator, "main", 500);
  }

  bool is_stored(const content_ref& one) {
    if (one.size == 0) return true;
    for (const auto& [name, run] : running_) {
      const auto found = run.contents->find(one.id);
      if (found && *found) return true;
    }
    return false;
  }
  /// The files of a job's snapshot; counts what is not in the stores.
  std::map<std::string, snapshot_change::state> walk(const job_request& request, std::uint64_t& missing) {
    std::map<std::string, snapshot_change::state> out;
    const auto root = std::get<project_job>(request.what).snapshot;
    missing = 0;
    auto diff = snapshot_diff::between({}, root, hash_).value();
    while (!diff.done()) {
      const auto wanted = diff.wanted(64);
      for (const auto& one : wanted) {
        if (!is_stored(one)) return ++missing, out;
        byte_vector bytes(one.size);
        EXPECT_TRUE(running_.begin()->second.contents->read(one.id, 0, bytes));
        EXPECT_TRUE(diff.supply(one, bytes));
      }
    }
    for (auto& change : diff.take_changes()) {
      if (!is_stored(change.after->content)) ++missing;
      out.emplace(change.path.str(), *change.after);
    }
    return out;
  }
  std::uint64_t missing_of(const job_request& request) {
    std::uint64_t missing = 0;
    auto files = walk(request, missing);
    std::lock_guard lock(mutex_);
    files_ = std::move(files);
    request_ = request;
    return missing;
  }

  void write(const std::string& name, const std::string& text) {
    const auto path = std::filesystem::path(project_.path()) / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  cli_run submit(std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"submit", "-C", project_.path(), "--state", service_folder_.path(), "--json"});
    command_handlers handlers;
    handlers.submit = run_submit;
    return run_cli(more, handlers);
  }
  std::uint64_t bytes_taken() {
    std::uint64_t out = 0;
    for (const auto& [name, run] : running_) out += run.server->count().bytes_taken;
    return out;
  }
  job_request request() {
    std::lock_guard lock(mutex_);
    return request_.value();
  }

  temporary_folder project_, service_folder_;
  fake_facade facade_;
  table_jobs jobs_;
  local_service_options options_;
  std::optional<hello_identity> coordinator_;
  std::mutex mutex_;
  std::map<std::string, snapshot_change::state> files_;  ///< of the job that was looked at last
  std::optional<job_request> request_;
  std::uint64_t asked_ = 0;
  std::unique_ptr<local_service> service_;
};

}  // namespace graphite::test
