#include "transforms/opus_writer.hpp"

#include <fmt/format.h>
#include <opusenc.h>

namespace graphite {

struct opus_writer::state {
  OggOpusComments* comments = nullptr;
  OggOpusEnc* encoder = nullptr;
  std::size_t channels = 1;
  byte_vector bytes;
  ~state() {
    if (encoder != nullptr) ope_encoder_destroy(encoder);
    if (comments != nullptr) ope_comments_destroy(comments);
  }
};

opus_writer::opus_writer(std::unique_ptr<state> made) : state_(std::move(made)) {}
opus_writer::opus_writer(opus_writer&&) noexcept = default;
opus_writer& opus_writer::operator=(opus_writer&&) noexcept = default;
opus_writer::~opus_writer() = default;

result<opus_writer> opus_writer::make(const opus_settings& settings) {
  auto out = std::make_unique<state>();
  out->channels = static_cast<std::size_t>(settings.channels);
  out->comments = ope_comments_create();
  if (out->comments == nullptr) return fail(errc::too_large, "no memory to encode");
  for (const auto& [name, value] : settings.tags)
    if (ope_comments_add(out->comments, name.c_str(), value.c_str()) != OPE_OK)
      return fail(errc::too_large, "no memory to encode");
  OpusEncCallbacks callbacks{};
  callbacks.write = [](void* user, const unsigned char* data, opus_int32 size) {
    const auto* first = reinterpret_cast<const std::byte*>(data);
    auto& bytes = static_cast<state*>(user)->bytes;
    bytes.insert(bytes.end(), first, first + size);
    return 0;
  };
  callbacks.close = [](void*) { return 0; };
  int mistake = OPE_OK;
  out->encoder = ope_encoder_create_callbacks(&callbacks, out.get(), out->comments, 48'000, settings.channels,
                                              settings.channels > 2 ? 1 : 0, &mistake);
  if (out->encoder == nullptr)
    return fail(errc::invalid_argument, fmt::format("the encoder refuses it: {}", ope_strerror(mistake)));
  const auto set = [&](auto... request) {
    mistake = mistake == OPE_OK ? ope_encoder_ctl(out->encoder, request...) : mistake;
  };
  set(OPE_SET_SERIALNO(static_cast<opus_int32>(settings.serial)));
  set(OPUS_SET_BITRATE(static_cast<opus_int32>(settings.bits_per_second)));
  set(OPUS_SET_VBR_CONSTRAINT(0));  // as opusenc: bits go where they are needed
  set(OPUS_SET_COMPLEXITY(settings.complexity));
  set(OPE_SET_HEADER_GAIN(settings.gain_q8));
  set(OPE_SET_COMMENT_PADDING(0));
  if (mistake != OPE_OK)
    return fail(errc::invalid_argument,
                fmt::format("the encoder refuses a setting: {}", ope_strerror(mistake)));
  return opus_writer(std::move(out));
}

result<void> opus_writer::write(std::span<const float> frames) {
  const auto count = static_cast<int>(frames.size() / state_->channels);
  if (const auto status = ope_encoder_write_float(state_->encoder, frames.data(), count); status != OPE_OK)
    return fail(errc::io, fmt::format("the encoder failed: {}", ope_strerror(status)));
  return {};
}

result<byte_vector> opus_writer::finish() {
  if (const auto status = ope_encoder_drain(state_->encoder); status != OPE_OK)
    return fail(errc::io, fmt::format("the encoder failed: {}", ope_strerror(status)));
  return std::move(state_->bytes);
}

}  // namespace graphite
