#include "schemas/codec/view_messages.hpp"

#include <algorithm>

#include "core/channel_name.hpp"
#include "core/path_check.hpp"
#include "schemas/codec/wire_bytes.hpp"
#include "views.capnp.h"

namespace graphite {
namespace {

using view_of = view_limits;
namespace wire_views = wire::views;

void put_content(wire::control::Content::Builder out, const content_ref& in) {
  out.setId(wire::to_data(in.id));
  out.setSize(in.size);
}

void put_settings(wire_views::Settings::Builder out, const views::settings& in) {
  out.setCopies(in.copies);
  auto stores = out.initStores(static_cast<unsigned>(in.stores.size()));
  for (unsigned i = 0; i < stores.size(); ++i) {
    stores[i].setChunks(in.stores[i].chunks);
    const auto& key = in.stores[i].key.bytes;
    if (in.stores[i].key != curve_key{}) stores[i].setKey(wire::to_data(byte_span(key)));
  }
}

/// The first bytes of a text, which is still UTF-8.
std::string cut(const std::string& text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  auto end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

struct watcher_writer {
  wire_views::ToWatcher::Builder out;

  void operator()(const views::welcome& in) {
    auto to = out.initWelcome();
    to.setEpoch(in.epoch.value);
    if (in.snapshot != content_ref{}) put_content(to.initSnapshot(), in.snapshot);
    put_settings(to.initFirst(), in.first);
  }
  void operator()(const views::refusal& in) {
    auto to = out.initRefusal();
    to.setCode(static_cast<std::uint16_t>(in.code));
    to.setText(cut(in.text, view_of::text_bytes_max));
  }
  void operator()(const views::settings& in) { put_settings(out.initSettings(), in); }
  void operator()(const views::verdict& in) {
    auto to = out.initVerdict();
    to.setRevision(in.revision);
    to.setState(static_cast<wire_views::State>(in.state));
    to.setCode(static_cast<std::uint16_t>(in.code));
    to.setText(cut(in.text, view_of::text_bytes_max));
  }
};

/// Zero where there is none.
result<content_ref> take_content(bool there, wire::control::Content::Reader in) {
  content_ref out;
  if (!there) return out;
  GRAPHITE_TRY(out.id, wire::to_digest(in.getId()));
  out.size = in.getSize();
  if (out.size == 0 || out.size > 16 * KiB) return fail(errc::corrupt, "a root of a snapshot that is none");
  return out;
}

result<control::store_address> take_store(wire::control::Store::Reader in) {
  control::store_address out;
  GRAPHITE_TRY(out.chunks, wire::to_text(in.getChunks(), view_of::name_bytes_max));
  const auto key = wire::to_span(in.getKey());
  if (!key.empty() && key.size() != out.key.bytes.size())
    return fail(errc::corrupt, "a CURVE key of another length");
  std::ranges::copy(key, out.key.bytes.begin());
  return out;
}

result<views::settings> take_settings(wire_views::Settings::Reader in) {
  views::settings out;
  out.copies = in.getCopies();
  if (in.getStores().size() > view_of::stores_max) return fail(errc::too_large, "too many stores");
  for (const auto one : in.getStores()) {
    GRAPHITE_TRY(auto store, take_store(one));
    out.stores.push_back(std::move(store));
  }
  return out;
}

result<errc> take_code(std::uint16_t number) {
  if (number == 0 || number > static_cast<std::uint16_t>(errc::unsupported))
    return fail(errc::corrupt, "a reason that is none");
  return static_cast<errc>(number);
}

result<view_to_coordinator> take_join(wire_views::Join::Reader in) {
  views::join out;
  out.protocol = in.getProtocol();
  GRAPHITE_TRY(out.incarnation.value, wire::to_uuid(in.getIncarnation()));
  out.epoch_seen.value = in.getEpochSeen();
  GRAPHITE_TRY(out.view, wire::to_text(in.getView(), view_of::name_bytes_max));
  GRAPHITE_TRY(out.project_file, wire::to_text(in.getProjectFile(), view_of::path_bytes_max));
  if (!is_channel_name(out.view)) return fail(errc::corrupt, "a name of a view that is none");
  if (!is_logical_path(out.project_file)) return fail(errc::corrupt, "a project file that is no path");
  return view_to_coordinator(std::move(out));
}

result<view_to_coordinator> take_revised(wire_views::Revised::Reader in) {
  views::revised out;
  out.revision = in.getRevision();
  GRAPHITE_TRY(out.snapshot, take_content(in.hasSnapshot(), in.getSnapshot()));
  if (out.revision == 0 || out.snapshot == content_ref{})
    return fail(errc::corrupt, "a revision without a number or a snapshot");
  return view_to_coordinator(out);
}

result<view_to_watcher> take_welcome(wire_views::Welcome::Reader in) {
  views::welcome out;
  out.epoch.value = in.getEpoch();
  GRAPHITE_TRY(out.snapshot, take_content(in.hasSnapshot(), in.getSnapshot()));
  GRAPHITE_TRY(out.first, take_settings(in.getFirst()));
  return view_to_watcher(std::move(out));
}

result<view_to_watcher> take_refusal(wire::control::Refusal::Reader in) {
  views::refusal out;
  GRAPHITE_TRY(out.code, take_code(in.getCode()));
  GRAPHITE_TRY(out.text, wire::to_text(in.getText(), view_of::text_bytes_max));
  return view_to_watcher(std::move(out));
}

result<view_to_watcher> take_verdict(wire_views::Verdict::Reader in) {
  views::verdict out;
  out.revision = in.getRevision();
  if (in.getState() > wire_views::State::MISSING) return fail(errc::corrupt, "a verdict that is none");
  out.state = static_cast<views::verdict::what>(in.getState());
  GRAPHITE_TRY(out.code, take_code(in.getCode()));
  GRAPHITE_TRY(out.text, wire::to_text(in.getText(), view_of::text_bytes_max));
  return view_to_watcher(std::move(out));
}

tl::unexpected<error> unknown_kind() {
  return fail(errc::newer_version, "a message of a kind that this version does not know");
}

}  // namespace

byte_vector encode(const view_to_coordinator& message) {
  capnp::MallocMessageBuilder builder;
  auto out = builder.initRoot<wire_views::ToCoordinator>();
  if (const auto* join = std::get_if<views::join>(&message)) {
    auto to = out.initJoin();
    to.setProtocol(join->protocol);
    to.setIncarnation(wire::to_data(join->incarnation.value));
    to.setEpochSeen(join->epoch_seen.value);
    to.setView(join->view);
    to.setProjectFile(join->project_file);
  } else {
    const auto& revised = std::get<views::revised>(message);
    auto to = out.initRevised();
    to.setRevision(revised.revision);
    put_content(to.initSnapshot(), revised.snapshot);
  }
  return wire::to_message(builder);
}

byte_vector encode(const view_to_watcher& message) {
  capnp::MallocMessageBuilder builder;
  std::visit(watcher_writer{builder.initRoot<wire_views::ToWatcher>()}, message);
  return wire::to_message(builder);
}

result<view_to_coordinator> decode_view_to_coordinator(byte_span bytes) {
  return wire::read_message<wire_views::ToCoordinator, view_to_coordinator>(
      bytes, view_of::message_bytes_max,
      [](wire_views::ToCoordinator::Reader in) -> result<view_to_coordinator> {
        switch (in.which()) {
          case wire_views::ToCoordinator::JOIN:
            return take_join(in.getJoin());
          case wire_views::ToCoordinator::REVISED:
            return take_revised(in.getRevised());
        }
        return unknown_kind();
      });
}

result<view_to_watcher> decode_view_to_watcher(byte_span bytes) {
  return wire::read_message<wire_views::ToWatcher, view_to_watcher>(
      bytes, view_of::message_bytes_max, [](wire_views::ToWatcher::Reader in) -> result<view_to_watcher> {
        switch (in.which()) {
          case wire_views::ToWatcher::WELCOME:
            return take_welcome(in.getWelcome());
          case wire_views::ToWatcher::REFUSAL:
            return take_refusal(in.getRefusal());
          case wire_views::ToWatcher::SETTINGS: {
            GRAPHITE_TRY(auto settings, take_settings(in.getSettings()));
            return view_to_watcher(std::move(settings));
          }
          case wire_views::ToWatcher::VERDICT:
            return take_verdict(in.getVerdict());
        }
        return unknown_kind();
      });
}

}  // namespace graphite
