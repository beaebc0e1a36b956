#include "cli/subscriber_trust.hpp"

#include "core/record_codec.hpp"
#include "platform/linux/durable_file.hpp"

namespace graphite {

namespace {

constexpr std::size_t learned_max = 2 * head_gate::news_max;
constexpr std::size_t trust_bytes_max =
    learned_max * trust_news::voucher_bytes_max + revocations_bytes_max + 1024;

byte_vector copy_of(std::string_view text) {
  const auto bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

byte_vector encode_trust(const trust_news& news) {
  record_writer out;
  out.number(news.vouchers.size());
  for (const auto& one : news.vouchers) out.bytes(as_text(one));
  out.bytes(as_text(news.revocations));
  return copy_of(out.text());
}

result<trust_news> decode_trust(byte_span bytes) {
  record_reader from(as_text(bytes));
  trust_news out;
  for (auto left = from.number_up_to(learned_max); from.ok() && left > 0; --left)
    out.vouchers.push_back(copy_of(from.bytes(trust_news::voucher_bytes_max)));
  out.revocations = copy_of(from.bytes(revocations_bytes_max));
  if (!from.ok() || !from.at_end()) return fail(errc::corrupt, "not what was learned of roots");
  return out;
}

result<std::unique_ptr<subscriber_trust>> subscriber_trust::open(const trust_options& options,
                                                                 std::int64_t unix_ns, log_sink& log) {
  if (options.keys.empty() && options.root.empty()) return nullptr;
  GRAPHITE_TRY(auto files, read(options, unix_ns));
  std::unique_ptr<subscriber_trust> out(new subscriber_trust(options, std::move(files)));
  out->remember(unix_ns, log);
  return out;
}

result<std::string> subscriber_trust::version_of(const trust_options& options) {
  std::string out;
  for (const auto* path : {&options.keys, &options.root}) {
    if (path->empty()) continue;
    GRAPHITE_TRY(const auto version, key_files_version(*path));
    out += version;
  }
  return out;
}

/// The version comes first: what changes meanwhile is another change.
result<subscriber_trust::read_files> subscriber_trust::read(const trust_options& options,
                                                            std::int64_t unix_ns) {
  read_files out;
  GRAPHITE_TRY(out.version, version_of(options));
  if (!options.keys.empty()) {
    GRAPHITE_TRY(out.keys, load_runtime_keys(options.keys, unix_ns));
    out.roots = out.keys->roots;
  }
  if (!options.root.empty()) {
    GRAPHITE_TRY(out.roots, load_pins(options.root, unix_ns));
  }
  return out;
}

result<bool> subscriber_trust::look_again(std::int64_t unix_ns,
                                          const std::function<result<void>(const runtime_keys&)>& use) {
  GRAPHITE_TRY(const auto version, version_of(options_));
  if (version == version_) return false;
  GRAPHITE_TRY(auto files, read(options_, unix_ns));
  if (files.keys) GRAPHITE_CHECK(use(*files.keys));
  gate_.set_pins(std::move(files.roots));
  keys_ = std::move(files.keys);
  version_ = std::move(files.version);
  return true;
}

/// What a root signed still has to be signed by it, wherever it lay.
void subscriber_trust::remember(std::int64_t unix_ns, log_sink& log) {
  const auto text = read_whole_file(file_, trust_bytes_max);
  if (!text && text.error().code == errc::not_found) return;
  const auto news = text.and_then([](const std::string& from) { return decode_trust(as_bytes(from)); });
  if (!news) return log.warn("{}: {}: revoked keys have to be heard of again", file_, news.error().context);
  gate_.learn(*news, unix_ns);
  if (!news->revocations.empty() && gate_.known().revocations != news->revocations)
    log.warn("{}: the list of revoked keys in it was signed by no root that is believed: it is left out",
             file_);
}

result<void> subscriber_trust::keep() const {
  GRAPHITE_CHECK(make_folders(file_.substr(0, file_.rfind('/'))));
  return replace_file(file_, encode_trust(gate_.known()), 0600);
}

}  // namespace graphite
