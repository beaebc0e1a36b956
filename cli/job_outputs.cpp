#include "cli/job_outputs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <span>

#include "bundle/asset_list.hpp"
#include "cli/folder_contents.hpp"
#include "cli/job_text.hpp"
#include "cli/new_file.hpp"
#include "cli/store_visit.hpp"

namespace graphite {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t batch_contents_max = 4096;
constexpr std::uint64_t listing_bytes_max = GiB;

/// A file of the outputs, by what it is made of.
struct output_file {
  logical_path path;
  std::vector<content_ref> parts;
};

std::uint64_t bytes_of(const output_file& file) {
  std::uint64_t out = 0;
  for (const auto& part : file.parts) out += part.size;
  return out;
}

class outputs_fetch {
 public:
  outputs_fetch(const job_info& job, const outputs_ports& with, fs::path into, fs::path fetched)
      : job_(job), with_(with), into_(std::move(into)), contents_(std::move(fetched), with.hash) {}

  result<outputs_summary> run() {
    GRAPHITE_TRY(visit_, store_visit::make({contents_, with_.hash, with_.clock, with_.log}));
    GRAPHITE_TRY(const auto files, files_of_job());
    outputs_summary out;
    for (auto rest = std::span(files); !rest.empty();) {
      const auto batch = rest.first(batch_size(rest));
      GRAPHITE_CHECK(fetch(batch));
      for (const auto& file : batch) {
        GRAPHITE_CHECK(write(file));
        ++out.files;
        out.bytes += bytes_of(file);
      }
      GRAPHITE_CHECK(contents_.clear());
      rest = rest.subspan(batch.size());
      with_.progress(out.files, files.size());
    }
    return out;
  }

 private:
  std::size_t batch_size(std::span<const output_file> rest) const {
    std::size_t count = 0, contents = 0;
    std::uint64_t bytes = 0;
    do {
      contents += rest[count].parts.size();
      bytes += bytes_of(rest[count]);
    } while (++count < rest.size() && bytes + bytes_of(rest[count]) <= with_.batch_bytes_max &&
             contents < batch_contents_max);
    return count;
  }

  result<std::vector<output_file>> files_of_job() {
    std::vector<output_file> out;
    for (const auto& one : job_.outcome->outputs) {
      GRAPHITE_TRY(auto path, logical_path::parse(one.path));
      out.push_back({std::move(path), {one.content}});
    }
    const auto& listing = job_.outcome->listing;
    if (listing.size == 0) return out;
    if (listing.size > listing_bytes_max) return fail(errc::too_large, "the list of assets is too long");
    GRAPHITE_CHECK(bring(std::span(&listing, 1)));
    byte_vector bytes(listing.size);
    GRAPHITE_CHECK(contents_.read(listing.id, 0, bytes));
    GRAPHITE_TRY(auto assets, decode_asset_list(bytes));
    for (auto& asset : assets) {
      output_file file{std::move(asset.path), {}};
      for (const auto& part : asset.parts) file.parts.push_back(part.content);
      out.push_back(std::move(file));
    }
    return out;
  }

  /// With a ticket that is good for now.
  result<void> bring(std::span<const content_ref> contents) {
    std::vector<digest> wanted;
    for (const auto& one : contents)
      if (one.size > 0) wanted.push_back(one.id);
    std::ranges::sort(wanted);
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    if (wanted.empty()) return {};
    GRAPHITE_TRY(const auto by, with_.session.missing({job_.id, {}, visit_->key()}));
    GRAPHITE_TRY(auto* const traffic, visit_->at(by));
    auto done = traffic->fetch(wanted);
    if (!done && done.error().code == errc::not_found)
      return fail(errc::unavailable, "the stores have not got all of it any more: submit it again");
    return done;
  }

  result<void> fetch(std::span<const output_file> batch) {
    std::vector<content_ref> wanted;
    uses_.clear();
    for (const auto& file : batch)
      for (const auto& part : file.parts) {
        wanted.push_back(part);
        ++uses_[part.id];
      }
    return bring(wanted);
  }

  result<void> write(const output_file& file) {
    const auto path = into_ / file.path.str();
    if (file.parts.size() == 1 && file.parts[0].size > 0 && uses_[file.parts[0].id] == 1) {
      std::error_code code;
      fs::create_directories(path.parent_path(), code);
      fs::rename(contents_.file_of(file.parts[0].id), path, code);
      return code ? fail(errc::io, path.string() + ": " + code.message()) : result<void>();
    }
    GRAPHITE_TRY(auto into, new_file::make(path));
    byte_vector piece(MiB);
    for (const auto& part : file.parts)
      for (std::uint64_t at = 0; at < part.size;) {
        const auto some = std::span(piece).first(std::min<std::uint64_t>(piece.size(), part.size - at));
        GRAPHITE_CHECK(contents_.read(part.id, at, some));
        GRAPHITE_CHECK(into.append(some));
        at += some.size();
      }
    return {};
  }

  const job_info& job_;
  const outputs_ports& with_;
  const fs::path into_;
  folder_contents contents_;
  std::unique_ptr<store_visit> visit_;
  std::map<digest, std::size_t> uses_;  ///< in this batch
};

}  // namespace

result<outputs_summary> fetch_outputs(const job_info& job, const std::string& folder,
                                      const outputs_ports& with) {
  if (!is_over(job.state) || !job.outcome)
    return fail(errc::busy, fmt::format("job {} is {}: `graphite job {} --wait` waits for its end",
                                        job.id.value, to_string(job.state), job.id.value));
  if (job.state != job_state::done)
    return fail(errc::action_failed,
                fmt::format("job {} has made nothing whole: it is {}", job.id.value, to_string(job.state)));
  GRAPHITE_CHECK(check_new_folder(folder));
  temporary_path scratch(target_of(folder));
  const auto into = scratch.path() / "into", fetched = scratch.path() / "fetched";
  std::error_code code;
  for (const auto& one : {into, fetched}) {
    fs::create_directories(one, code);
    if (code) return fail(errc::io, one.string() + ": " + code.message());
  }
  GRAPHITE_TRY(const auto summary, outputs_fetch(job, with, into, fetched).run());
  const auto target = target_of(folder);
  if (::rename(into.c_str(), target.c_str()) != 0) return fail_errno(errno, target.string());
  return summary;
}

}  // namespace graphite
