# What operators see: log lines and metrics.
graphite_test(operator_tests LABEL adapter SOURCES
  prometheus_registry_test.cpp
  stderr_log_test.cpp
  LIBS graphite_log graphite_metrics)
