#pragma once

#include <array>
#include <string_view>

#include "core/digest.hpp"

/// \file One function a decoder of outside bytes. Each takes any bytes at all and says whether they were
/// accepted; it aborts where a decoder accepts what its encoder would not have written, or where an
/// answer breaks the decoder's promise. Sanitizers watch the rest.

namespace graphite::fuzz {

// Of a bundle's files and an announcement's parts.
bool head(byte_span bytes);
bool behind_list(byte_span bytes);
bool chunk_list(byte_span bytes);
bool index_page(byte_span bytes);
bool page_record(byte_span bytes);
bool segment(byte_span bytes);
bool exported_file(byte_span bytes);
bool index_walk(byte_span bytes);  ///< pages, each after its length in two bytes: the root first
bool asset_list(byte_span bytes);
bool snapshot_object(byte_span bytes);
bool snapshot_walk(byte_span bytes);  ///< objects, each after its length in two bytes: the root first
bool mapped_index(
    byte_span bytes);  ///< root, size of the first of two page files, eight ids or places; the files
// Of peers.
bool announcement(byte_span bytes);
bool announced_record(byte_span bytes);
bool heartbeat(byte_span bytes);
bool chunk_request(byte_span bytes);
bool chunk_reply(byte_span bytes);      ///< frames, each after its length in two bytes
bool store_request(byte_span bytes);    ///< frames, as above; what is accepted is served
bool store_reply(byte_span bytes);      ///< frames, as above
bool zap_frames(byte_span bytes);       ///< each after its length in two bytes
bool enrol_request(byte_span bytes);    ///< a chunk_request
bool service_message(byte_span bytes);  ///< the first byte says which, eight bytes before the message
bool jobs_message(byte_span bytes);     ///< the same of jobs
bool statement(byte_span bytes);        ///< the first byte says of which kind, the rest is what was signed
bool signature_of_head(byte_span bytes);
bool shown_ticket(byte_span bytes);
bool token_in_text(byte_span bytes);
bool hello_message(byte_span bytes);
bool control_message(byte_span bytes);  ///< the first byte says from whom, the rest is the message
bool view_message(byte_span bytes);     ///< the same of views
bool client_name(byte_span bytes);      ///< of a client's certificate
// Of the state folder and a subscriber's folder.
bool source_row(byte_span bytes);
bool result_row(byte_span bytes);
bool row_name(byte_span bytes);
bool cache_row(byte_span bytes);
bool history_row(byte_span bytes);
bool index_row(byte_span bytes);
bool segment_row(byte_span bytes);
bool job_row(byte_span bytes);
bool mirror_change(byte_span bytes);
bool cluster_row(byte_span bytes);
bool learned_rule_row(byte_span bytes);
bool mirror_list(byte_span bytes);
bool subscriber_note(byte_span bytes);
bool record_log(byte_span bytes);
bool page_log(byte_span bytes);
bool crash_record(byte_span bytes);
bool learned_trust(byte_span bytes);
bool pinned_roots(byte_span bytes);
// Of people and their tools.
bool project_file(byte_span bytes);
bool ignore_file(byte_span bytes);
bool glob_text(byte_span bytes);
bool depfile(byte_span bytes);
bool gltf(byte_span bytes);
bool obj(byte_span bytes);
bool mtl(byte_span bytes);
bool glsl(byte_span bytes);
// Of what built-in transforms read and make.
bool mesh_of_gltf(byte_span bytes);
bool mesh_of_obj(byte_span bytes);
bool made_mesh(byte_span bytes);  ///< a mesh file
bool tga(byte_span bytes);
bool ktx2(byte_span bytes);
bool preview_answer(byte_span bytes);  ///< what a worker says of a picture
bool toml_comments(byte_span bytes);
bool zip_directory(byte_span bytes);
bool audio_comments(byte_span bytes);

struct target {
  std::string_view name;  ///< also the corpus folder's
  bool (*run)(byte_span bytes);
};

#define GRAPHITE_FUZZ_LINE(name) \
  target { #name, name }
inline constexpr std::array targets{
    GRAPHITE_FUZZ_LINE(head),
    GRAPHITE_FUZZ_LINE(behind_list),
    GRAPHITE_FUZZ_LINE(chunk_list),
    GRAPHITE_FUZZ_LINE(index_page),
    GRAPHITE_FUZZ_LINE(page_record),
    GRAPHITE_FUZZ_LINE(segment),
    GRAPHITE_FUZZ_LINE(exported_file),
    GRAPHITE_FUZZ_LINE(index_walk),
    GRAPHITE_FUZZ_LINE(mapped_index),
    GRAPHITE_FUZZ_LINE(asset_list),
    GRAPHITE_FUZZ_LINE(snapshot_object),
    GRAPHITE_FUZZ_LINE(snapshot_walk),
    GRAPHITE_FUZZ_LINE(announcement),
    GRAPHITE_FUZZ_LINE(announced_record),
    GRAPHITE_FUZZ_LINE(heartbeat),
    GRAPHITE_FUZZ_LINE(chunk_request),
    GRAPHITE_FUZZ_LINE(chunk_reply),
    GRAPHITE_FUZZ_LINE(store_request),
    GRAPHITE_FUZZ_LINE(store_reply),
    GRAPHITE_FUZZ_LINE(statement),
    GRAPHITE_FUZZ_LINE(signature_of_head),
    GRAPHITE_FUZZ_LINE(shown_ticket),
    GRAPHITE_FUZZ_LINE(token_in_text),
    GRAPHITE_FUZZ_LINE(client_name),
    GRAPHITE_FUZZ_LINE(learned_trust),
    GRAPHITE_FUZZ_LINE(pinned_roots),
    GRAPHITE_FUZZ_LINE(hello_message),
    GRAPHITE_FUZZ_LINE(control_message),
    GRAPHITE_FUZZ_LINE(view_message),
    GRAPHITE_FUZZ_LINE(zap_frames),
    GRAPHITE_FUZZ_LINE(enrol_request),
    GRAPHITE_FUZZ_LINE(source_row),
    GRAPHITE_FUZZ_LINE(result_row),
    GRAPHITE_FUZZ_LINE(row_name),
    GRAPHITE_FUZZ_LINE(cache_row),
    GRAPHITE_FUZZ_LINE(history_row),
    GRAPHITE_FUZZ_LINE(index_row),
    GRAPHITE_FUZZ_LINE(segment_row),
    GRAPHITE_FUZZ_LINE(job_row),
    GRAPHITE_FUZZ_LINE(mirror_change),
    GRAPHITE_FUZZ_LINE(cluster_row),
    GRAPHITE_FUZZ_LINE(learned_rule_row),
    GRAPHITE_FUZZ_LINE(mirror_list),
    GRAPHITE_FUZZ_LINE(subscriber_note),
    GRAPHITE_FUZZ_LINE(record_log),
    GRAPHITE_FUZZ_LINE(page_log),
    GRAPHITE_FUZZ_LINE(crash_record),
    GRAPHITE_FUZZ_LINE(project_file),
    GRAPHITE_FUZZ_LINE(ignore_file),
    GRAPHITE_FUZZ_LINE(glob_text),
    GRAPHITE_FUZZ_LINE(depfile),
    GRAPHITE_FUZZ_LINE(gltf),
    GRAPHITE_FUZZ_LINE(obj),
    GRAPHITE_FUZZ_LINE(mtl),
    GRAPHITE_FUZZ_LINE(glsl),
    GRAPHITE_FUZZ_LINE(mesh_of_gltf),
    GRAPHITE_FUZZ_LINE(mesh_of_obj),
    GRAPHITE_FUZZ_LINE(made_mesh),
    GRAPHITE_FUZZ_LINE(tga),
    GRAPHITE_FUZZ_LINE(ktx2),
    GRAPHITE_FUZZ_LINE(preview_answer),
    GRAPHITE_FUZZ_LINE(toml_comments),
    GRAPHITE_FUZZ_LINE(zip_directory),
    GRAPHITE_FUZZ_LINE(audio_comments),
    GRAPHITE_FUZZ_LINE(service_message),
    GRAPHITE_FUZZ_LINE(jobs_message),
};
#undef GRAPHITE_FUZZ_LINE

}  // namespace graphite::fuzz
