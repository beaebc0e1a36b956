#pragma once

#include <cstddef>

namespace graphite {

/// What a layer makes of its sums.
///
/// NaN stays NaN. sigmoid is within 1e-7 of the exact value, tanh within 2e-7, neither beyond its limits;
/// they are computed by a polynomial (S. Moshier's Cephes, expf) in the same roundings on every target.
enum class activation { identity, relu, sigmoid, tanh };

/// One layer of a small network: y = act(W x + b). A view; what it points to must outlive it.
struct dense_layer {
  std::size_t inputs = 0, outputs = 0;
  const float* weights = nullptr;  ///< inputs × outputs: those of input 0 for each output come first
  const float* bias = nullptr;     ///< outputs
  activation act = activation::identity;
};

/// Applies `layer` to `batch` vectors: `in` has batch × inputs floats, `out` takes batch × outputs and
/// overlaps nothing else.
///
/// Every sum begins with the bias and goes from input 0 on, each product and each sum rounded by itself: the
/// same bits on every target, and those of the namespace `scalar`, the plain definition. Only the bits of a
/// NaN may differ. Vectorised by Google Highway (kernels/simd_target.hpp). Pure, thread-safe.
void apply_dense(const dense_layer& layer, const float* in, float* out, std::size_t batch);

namespace scalar {
void apply_dense(const dense_layer& layer, const float* in, float* out, std::size_t batch);
}  // namespace scalar

}  // namespace graphite
