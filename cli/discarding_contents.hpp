#pragma once

#include "core/ports/chunk_store.hpp"

namespace graphite {

/// A store that keeps nothing: for who wants to know the digests of files alone. Thread-safe.
class discarding_contents final : public chunk_store {
 public:
  result<stored_content> put(byte_span, const chunk_list& chunks) override { return known(chunks); }
  result<std::unique_ptr<content_writer>> begin(std::uint64_t) override {
    return std::unique_ptr<content_writer>(std::make_unique<writer>());
  }
  result<std::optional<stored_content>> find(const digest&) const override { return std::nullopt; }
  result<void> read(const digest& content, std::uint64_t, std::span<std::byte>) const override {
    return fail(errc::not_found, "content " + to_hex(content) + " is not kept here");
  }
  result<void> sync() override { return {}; }
  result<stored_content> hold(byte_span, const chunk_list& chunks) override { return known(chunks); }
  result<void> fold() override { return {}; }

 private:
  class writer final : public content_writer {
   public:
    result<void> append(byte_span) override { return {}; }
    result<void> read(std::uint64_t, std::span<std::byte>) const override {
      return fail(errc::not_found, "nothing is kept");
    }
    result<extent> keep_cut_off(bool) override { return extent{}; }
    result<stored_content> commit(const chunk_list& chunks) override { return known(chunks); }
  };
  static stored_content known(const chunk_list& chunks) { return {{{}, chunks.total_bytes()}, chunks, {}}; }
};

}  // namespace graphite
