#include "platform/metrics/prometheus_registry.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <mutex>
#include <tuple>

namespace graphite {

namespace {

class prometheus_counter final : public counter {
 public:
  explicit prometheus_counter(prometheus::Counter& to) : to_(to) {}
  void add(double amount) override {
    if (amount > 0) to_.Increment(amount);
  }

 private:
  prometheus::Counter& to_;
};

class prometheus_gauge final : public gauge {
 public:
  explicit prometheus_gauge(prometheus::Gauge& to) : to_(to) {}
  void set(double value) override { to_.Set(value); }

 private:
  prometheus::Gauge& to_;
};

class prometheus_histogram final : public histogram {
 public:
  explicit prometheus_histogram(prometheus::Histogram& to) : to_(to) {}
  void observe(double value) override { to_.Observe(value); }

 private:
  prometheus::Histogram& to_;
};

class null_counter final : public counter {
  void add(double) override {}
};
class null_gauge final : public gauge {
  void set(double) override {}
};
class null_histogram final : public histogram {
  void observe(double) override {}
};

class prometheus_registry final : public metrics_registry {
 public:
  prometheus_registry()
      : refused_(prometheus::BuildCounter()
                     .Name("graphite_metrics_series_refused_total")
                     .Help("Series not kept: too many, or a name that clashes")
                     .Register(registry_)
                     .Add({})) {}

  counter& make_counter(const std::string& name, const std::string& help, const labels& with) override {
    return find_or_make(counters_, no_counter_, name, with, [&] {
      auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
      return std::make_unique<prometheus_counter>(family.Add(with));
    });
  }

  gauge& make_gauge(const std::string& name, const std::string& help, const labels& with) override {
    return find_or_make(gauges_, no_gauge_, name, with, [&] {
      auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
      return std::make_unique<prometheus_gauge>(family.Add(with));
    });
  }

  histogram& make_histogram(const std::string& name, const std::string& help,
                            const std::vector<double>& bounds, const labels& with) override {
    return find_or_make(histograms_, no_histogram_, name, with, [&] {
      auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(registry_);
      return std::make_unique<prometheus_histogram>(family.Add(with, bounds));
    });
  }

  std::string exposition() const override {
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  template <class Metric>
  using series = std::map<std::pair<std::string, labels>, std::unique_ptr<Metric>>;

  template <class Metric, class Make>
  Metric& find_or_make(series<Metric>& known, std::type_identity_t<Metric>& none, const std::string& name,
                       const labels& with, Make make) {
    const std::lock_guard lock(mutex_);
    auto key = std::pair(name, with);
    if (auto found = known.find(key); found != known.end()) return *found->second;
    if (counters_.size() + gauges_.size() + histograms_.size() < series_max) try {
        return *known.emplace(std::move(key), make()).first->second;
      } catch (const std::exception&) {  // prometheus-cpp throws for bad or clashing names
      }
    refused_.Increment();
    return none;
  }

  prometheus::Registry registry_;
  prometheus::Counter& refused_;
  std::mutex mutex_;
  series<counter> counters_;
  series<gauge> gauges_;
  series<histogram> histograms_;
  null_counter no_counter_;
  null_gauge no_gauge_;
  null_histogram no_histogram_;
};

}  // namespace

std::unique_ptr<metrics_registry> make_prometheus_registry() {
  return std::make_unique<prometheus_registry>();
}

}  // namespace graphite
