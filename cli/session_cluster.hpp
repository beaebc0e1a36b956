#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/jobs_facade.hpp"
#include "cli/kept_archive.hpp"
#include "core/messages/control.hpp"
#include "core/ports/chunk_store.hpp"
#include "core/ports/clock.hpp"
#include "core/ports/file_reader.hpp"
#include "core/ports/hasher.hpp"
#include "core/ports/key_value_store.hpp"
#include "core/ports/log.hpp"

namespace graphite {

class cluster_desk;
class system_extension;

/// What a session has for whoever gives its attempts to a cluster; all outlive it but `tools`.
struct session_cluster_ports {
  chunk_store& contents;
  key_value_store& rows;
  const file_reader& files;  ///< of the view
  std::shared_ptr<const hasher> hash;
  clock_source& clock;
  log_sink& log;
  std::map<std::string, digest> tools;  ///< of the project, as they enter keys
  std::vector<kept_archive*> archives;  ///< of its channels
  /// `contents` knows it no more: its bytes were found to be wrong.
  std::function<result<void>(const digest&)> forget;
};

/// What a store of the cluster said last.
struct store_report {
  std::string node;
  bool here = false;
  control::store_state state;
};

/// The cluster of a session whose attempts do not run here. Ends after the session's actors.
class session_cluster {
 public:
  virtual ~session_cluster() = default;
  virtual system_extension& extension() = 0;
  /// HOST:PORT of the control port.
  virtual std::string address() const = 0;
  /// What may be asked of it; lives as long.
  virtual cluster_desk& desk() = 0;
  /// What build farms submit to it; as long as this lives.
  virtual job_services jobs() = 0;
  /// Of all stores that were here since the start, by name. Any thread.
  virtual std::vector<store_report> stores() const = 0;
  /// Nobody waits for it any more: ends its threads' work.
  virtual void stop() = 0;
};
using make_session_cluster =
    std::function<result<std::unique_ptr<session_cluster>>(session_cluster_ports with)>;

}  // namespace graphite
