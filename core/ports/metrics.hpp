#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace graphite {

/// Only grows. Thread-safe, a few nanoseconds.
class counter {
 public:
  virtual ~counter() = default;
  virtual void add(double amount) = 0;  ///< negative amounts are ignored
  void add() { add(1); }
};

/// A value that goes up and down. Thread-safe.
class gauge {
 public:
  virtual ~gauge() = default;
  virtual void set(double value) = 0;
};

/// Counts observations in buckets. Thread-safe.
class histogram {
 public:
  virtual ~histogram() = default;
  virtual void observe(double value) = 0;
};

/// What operators see of a running process. Thread-safe.
///
/// Names follow Prometheus: `graphite_…_seconds`, counters end in `_total`. A name with a set of label values
/// is one series; asking again gives the same object. The references live as long as the registry. Bound:
/// `series_max`; beyond it a series that is not exposed is given (and counted in
/// `graphite_metrics_series_refused_total`), so a label taken from input cannot eat the memory.
class metrics_registry {
 public:
  using labels = std::map<std::string, std::string>;
  static constexpr std::size_t series_max = 4096;

  virtual ~metrics_registry() = default;
  virtual counter& make_counter(const std::string& name, const std::string& help,
                                const labels& with = {}) = 0;
  virtual gauge& make_gauge(const std::string& name, const std::string& help, const labels& with = {}) = 0;
  /// `bounds`: upper bounds of the buckets, ascending; the same for every series of a name.
  virtual histogram& make_histogram(const std::string& name, const std::string& help,
                                    const std::vector<double>& bounds, const labels& with = {}) = 0;
  /// The text exposition format 0.0.4. O(series).
  virtual std::string exposition() const = 0;
};

/// Bucket bounds for stages of a change, in seconds: 100 µs … 10 s.
inline const std::vector<double>& stage_seconds_bounds() {
  static const std::vector<double> bounds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025,
                                          0.05,   0.1,     0.25,   0.5,   1,      2.5,   5,    10};
  return bounds;
}

}  // namespace graphite
