#include <cstring>

#include "bindings/c/internal.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/store/mapped_bundle.hpp"

using namespace graphite;

static_assert(GRAPHITE_ERROR_UNSUPPORTED == static_cast<int>(errc::unsupported) &&
                  GRAPHITE_ERROR_CORRUPT == static_cast<int>(errc::corrupt),
              "results are errc by number");

namespace {

const openssl_hasher sha;
thread_local std::string last_error;

mapped_asset asset_of(const graphite_asset& from) {
  mapped_asset out;
  out.id = {from.id};
  out.path = {from.path, from.path_length};
  out.body = {static_cast<const std::byte*>(from.body_), from.body_length_};
  out.extents = {static_cast<const std::byte*>(from.extents_), from.extents_length_};
  out.parts = from.part_count;
  out.references = from.reference_count;
  return out;
}

}  // namespace

namespace graphite::c_api {

graphite_result failed(errc code, std::string text) {
  last_error = std::move(text);
  return static_cast<graphite_result>(code);
}
graphite_result failed(const error& why) { return failed(why.code, why.context); }
graphite_result invalid(const char* what) { return failed(errc::invalid_argument, what); }

}  // namespace graphite::c_api

using namespace graphite::c_api;

const char* graphite_result_name(graphite_result result) {
  if (result == GRAPHITE_SUCCESS) return "success";
  if (result == GRAPHITE_ERROR_OUT_OF_MEMORY) return "out_of_memory";
  if (result < GRAPHITE_SUCCESS || result > GRAPHITE_ERROR_UNSUPPORTED) return "unknown";
  return to_string(static_cast<errc>(result)).data();  // of a literal: terminated
}

const char* graphite_last_error(void) { return last_error.c_str(); }

void graphite_set_last_error_(graphite_result result, const char* text) {
  failed(static_cast<errc>(result), text == nullptr ? "" : text);
}

const char* graphite_version(void) { return GRAPHITE_VERSION; }

graphite_result graphite_bundle_open(const char* path, graphite_bundle** out) {
  return guarded([&] {
    if (path == nullptr || out == nullptr) return invalid("graphite_bundle_open: a null argument");
    *out = nullptr;
    auto files = map_bundle(path);
    if (!files) return failed(files.error());
    auto opened = generation::open(std::move(*files), sha);
    if (!opened) return failed(opened.error().code, std::string(path) + ": " + opened.error().context);
    *out = new graphite_bundle(std::move(*opened));
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_bundle_verify(const graphite_bundle* bundle, const graphite_bundle* before) {
  return guarded([&] {
    if (bundle == nullptr) return invalid("graphite_bundle_verify: a null bundle");
    const auto changes = bundle->content->verify_since(before ? before->content.get() : nullptr);
    return changes ? GRAPHITE_SUCCESS : failed(changes.error());
  });
}

void graphite_bundle_close(graphite_bundle* bundle) {
  if (bundle != nullptr && bundle->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete bundle;
}

void graphite_schedule_cleanup(graphite_bundle* bundle) { graphite_bundle_close(bundle); }

graphite_bundle* graphite_bundle_retain(const graphite_bundle* bundle) {
  if (bundle != nullptr) bundle->references.fetch_add(1, std::memory_order_relaxed);
  return const_cast<graphite_bundle*>(bundle);
}

void graphite_bundle_describe(const graphite_bundle* bundle, graphite_bundle_info* out) {
  const head& what = bundle->content->what();
  *out = {};
  out->channel = what.channel.c_str();
  out->epoch = what.epoch.value;
  out->sequence = what.sequence.value;
  out->assets = what.assets;
  std::memcpy(out->lineage, what.lineage.value.bytes.data(), sizeof out->lineage);
  std::memcpy(out->root, what.root.bytes.data(), sizeof out->root);
}

uint64_t graphite_asset_id(const char* path, size_t length) { return id_of_path_text({path, length}).value; }

graphite_result graphite_find(const graphite_bundle* bundle, uint64_t id, graphite_asset* out) {
  if (bundle == nullptr || out == nullptr)
    return guarded([] { return invalid("graphite_find: a null argument"); });
  mapped_asset found;
  switch (bundle->content->find({id}, found)) {
    case lookup_result::absent:
      return GRAPHITE_ERROR_NOT_FOUND;  // usual: no text is made for it
    case lookup_result::corrupt:
      return guarded([] { return failed(errc::corrupt, "an index page is damaged"); });
    case lookup_result::found:
      break;
  }
  *out = {id,
          found.path.data(),
          found.path.size(),
          found.parts,
          found.references,
          found.body.data(),
          found.body.size(),
          found.extents.data(),
          found.extents.size()};
  return GRAPHITE_SUCCESS;
}

graphite_result graphite_asset_part(const graphite_bundle* bundle, const graphite_asset* asset,
                                    uint32_t index, graphite_part* out) {
  return guarded([&] {
    if (bundle == nullptr || asset == nullptr || out == nullptr)
      return invalid("graphite_asset_part: a null argument");
    *out = {};
    if (index >= asset->part_count) return failed(errc::not_found, "the asset has no such part");
    mapped_part part;
    if (!mapped_index::part(asset_of(*asset), index, part))
      return failed(errc::corrupt, "an index page is damaged");
    const auto bytes = bundle->content->bytes(part);
    if (!bytes) return failed(bytes.error());
    *out = {bytes->data(), bytes->size()};
    return GRAPHITE_SUCCESS;
  });
}

uint64_t graphite_asset_reference(const graphite_asset* asset, uint32_t index) {
  if (asset == nullptr || index >= asset->reference_count) return 0;
  return mapped_index::reference(asset_of(*asset), index).value;
}
