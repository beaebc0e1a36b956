#pragma once

#include <filesystem>

namespace graphite::fuzz {

/// Writes what the encoders write today as the corpus of each target, `into`/TARGET/NAME, where an encoder is
/// there to ask; texts, rows of former versions and single pages and files of a bundle are kept by hand.
void write_seeds(const std::filesystem::path& into);
/// The part of it that is about the cluster.
void write_cluster_seeds(const std::filesystem::path& into);
/// Of these, what nodes and stores tell each other.
void write_store_seeds(const std::filesystem::path& into);
/// Part of it: what build farms submit.
void write_job_seeds(const std::filesystem::path& into);

}  // namespace graphite::fuzz
