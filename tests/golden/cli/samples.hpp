#pragma once

#include <vector>

#include "cli/core/images.hpp"
#include "protocol/client_bodies.hpp"

/// A small cloud in which everything that can be shown occurs once.
namespace mc::cli::samples {

inline constexpr WallTime now{1'795'435'200'000};  // 2026-11-23T12:00:00Z

[[nodiscard]] std::vector<protocol::VmView> vms();
[[nodiscard]] std::vector<protocol::NodeView> nodes();
/// Of the VMs that run: of one memory alone is known, of the last nothing.
[[nodiscard]] std::vector<protocol::VmUsage> usage();
/// One that VMs were made from, one with two names, one without a name.
[[nodiscard]] std::vector<ImageRow> images();
/// One of each status.
[[nodiscard]] std::vector<ImageResult> image_results();
[[nodiscard]] std::vector<protocol::Event> events();
/// One that worked and one that did not.
[[nodiscard]] std::vector<protocol::ItemResult> items();
[[nodiscard]] std::vector<protocol::JobView> jobs();
/// Entries 1 to 4 of a log, unbroken.
[[nodiscard]] std::vector<protocol::AuditEntry> audit();
/// As the verb `keys` lists them: by fingerprint, with the tokens.
[[nodiscard]] std::vector<protocol::KeyView> keys();

}  // namespace mc::cli::samples
