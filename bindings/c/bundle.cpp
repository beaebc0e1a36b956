#include <algorithm>
#include <cstring>

#include "bindings/c/internal.hpp"
#include "platform/crypto/sha256.hpp"
#include "platform/store/mapped_bundle.hpp"

using namespace graphite;

static_assert(GRAPHITE_ERROR_UNSUPPORTED == static_cast<int>(errc::unsupported) &&
                  GRAPHITE_ERROR_CORRUPT == static_cast<int>(errc::corrupt),
              "results are errc by number");

namespace {

thread_local std::string last_error;
thread_local graphite_result last_result = GRAPHITE_SUCCESS;

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

result<void> add_ids(const generation& from, std::vector<std::uint64_t>& to) {
  GRAPHITE_TRY(const auto tree, from.tree());
  return tree.for_each([&](const located_asset& asset) {
    to.push_back(asset.record.id().value);
    return true;
  });
}

/// Of what graphite_find() finds, ascending: while assets move one by one, some are still as they were
/// before.
result<std::vector<std::uint64_t>> ids_of(const shown_generation& shown) {
  std::vector<std::uint64_t> out;
  GRAPHITE_CHECK(add_ids(*shown.content(), out));
  const auto* const moving = shown.transition();
  if (moving == nullptr) return out;
  GRAPHITE_CHECK(add_ids(*moving->before(), out));
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  mapped_asset there;
  std::erase_if(
      out, [&](std::uint64_t id) { return shown.source_of({id}).find({id}, there) != lookup_result::found; });
  return out;
}

}  // namespace

namespace graphite::c_api {

const hasher& library_hasher() {
  static const openssl_hasher sha;
  return sha;
}

graphite_result failed(graphite_result code, std::string text) {
  last_error = std::move(text);
  return last_result = code;
}
graphite_result failed(errc code, std::string text) {
  return failed(static_cast<graphite_result>(code), std::move(text));
}
graphite_result failed(const error& why) { return failed(why.code, why.context); }
graphite_result failed_read(const generation& from, asset_id id, const error& why) {
  if (why.code == errc::not_found && from.want(id))
    return failed(GRAPHITE_ERROR_NOT_READY, "the asset's bytes are on their way");
  return failed(why);
}
graphite_result invalid(const char* what) { return failed(errc::invalid_argument, what); }
graphite_result out_of_memory() noexcept {
  last_error = "out of memory";  // short enough to need none
  return last_result = GRAPHITE_ERROR_OUT_OF_MEMORY;
}

}  // namespace graphite::c_api

using namespace graphite::c_api;

const char* graphite_result_name(graphite_result result) {
  switch (result) {
    case GRAPHITE_SUCCESS:
      return "success";
    case GRAPHITE_ERROR_OUT_OF_MEMORY:
      return "out_of_memory";
    case GRAPHITE_ERROR_REMOVED:
      return "removed";
    case GRAPHITE_ERROR_STALE_HANDLE:
      return "stale_handle";
    case GRAPHITE_ERROR_NOT_READY:
      return "not_ready";
    default:
      break;
  }
  if (result < GRAPHITE_SUCCESS || result > GRAPHITE_ERROR_UNSUPPORTED) return "unknown";
  return to_string(static_cast<errc>(result)).data();  // of a literal: terminated
}

const char* graphite_last_error(void) { return last_error.c_str(); }

graphite_result graphite_last_result(void) { return last_result; }

void graphite_set_last_error_(graphite_result result, const char* text) {
  failed(result, text == nullptr ? "" : text);
}

const char* graphite_version(void) { return GRAPHITE_VERSION; }

graphite_result graphite_bundle_open(const char* path, graphite_bundle** out) {
  return guarded([&] {
    if (path == nullptr || out == nullptr) return invalid("graphite_bundle_open: a null argument");
    *out = nullptr;
    auto files = map_bundle(path);
    if (!files) return failed(files.error());
    auto opened = generation::open(std::move(*files), library_hasher());
    if (!opened) return failed(opened.error().code, std::string(path) + ": " + opened.error().context);
    (*opened)->remember(nullptr, {});
    *out = to_c(shown_ref::make(std::move(*opened), nullptr, library_memory()).detach());
    return GRAPHITE_SUCCESS;
  });
}

graphite_result graphite_bundle_verify(const graphite_bundle* bundle, const graphite_bundle* before) {
  return guarded([&] {
    if (bundle == nullptr) return invalid("graphite_bundle_verify: a null bundle");
    const auto changes =
        from_c(bundle)->content()->verify_since(before ? from_c(before)->content().get() : nullptr);
    return changes ? GRAPHITE_SUCCESS : failed(changes.error());
  });
}

void graphite_bundle_close(graphite_bundle* bundle) {
  if (bundle != nullptr) from_c(bundle)->release();
}

void graphite_schedule_cleanup(graphite_bundle* bundle) { graphite_bundle_close(bundle); }

graphite_bundle* graphite_bundle_retain(const graphite_bundle* bundle) {
  if (bundle != nullptr) from_c(bundle)->retain();
  return const_cast<graphite_bundle*>(bundle);
}

void graphite_bundle_describe(const graphite_bundle* bundle, graphite_bundle_info* out) {
  const head& what = from_c(bundle)->content()->what();
  *out = {};
  out->channel = what.channel.c_str();
  out->epoch = what.epoch.value;
  out->sequence = what.sequence.value;
  out->assets = what.assets;
  std::memcpy(out->lineage, what.lineage.value.bytes.data(), sizeof out->lineage);
  std::memcpy(out->root, what.root.bytes.data(), sizeof out->root);
}

graphite_result graphite_bundle_assets(const graphite_bundle* bundle, uint64_t* out, size_t capacity,
                                       size_t* count) {
  return guarded([&] {
    if (bundle == nullptr || count == nullptr || (out == nullptr && capacity != 0))
      return invalid("graphite_bundle_assets: a null argument");
    *count = 0;
    const auto ids = ids_of(*from_c(bundle));
    if (!ids) return failed(ids.error());
    *count = ids->size();
    std::copy_n(ids->begin(), std::min(capacity, ids->size()), out);
    return GRAPHITE_SUCCESS;
  });
}

uint64_t graphite_asset_id(const char* path, size_t length) { return id_of_path_text({path, length}).value; }

graphite_result graphite_find(const graphite_bundle* bundle, uint64_t id, graphite_asset* out) {
  if (bundle == nullptr || out == nullptr)
    return guarded([] { return invalid("graphite_find: a null argument"); });
  mapped_asset found;
  const generation& source = from_c(bundle)->source_of({id});
  switch (source.find({id}, found)) {
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
          found.extents.size(),
          &source};
  return GRAPHITE_SUCCESS;
}

graphite_result graphite_asset_part(const graphite_bundle* bundle, const graphite_asset* asset,
                                    uint32_t index, graphite_part* out) {
  return guarded([&] {
    if (bundle == nullptr || asset == nullptr || out == nullptr || asset->generation_ == nullptr)
      return invalid("graphite_asset_part: a null argument");
    *out = {};
    if (index >= asset->part_count) return failed(errc::not_found, "the asset has no such part");
    mapped_part part;
    if (!mapped_index::part(asset_of(*asset), index, part))
      return failed(errc::corrupt, "an index page is damaged");
    const auto* const source = static_cast<const generation*>(asset->generation_);
    const auto bytes = source->bytes(part);
    if (!bytes) return failed_read(*source, {asset->id}, bytes.error());
    *out = {bytes->data(), bytes->size()};
    return GRAPHITE_SUCCESS;
  });
}

uint64_t graphite_asset_reference(const graphite_asset* asset, uint32_t index) {
  if (asset == nullptr || index >= asset->reference_count) return 0;
  return mapped_index::reference(asset_of(*asset), index).value;
}
