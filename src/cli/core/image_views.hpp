#pragma once

#include <string>
#include <vector>

#include "base/time.hpp"
#include "cli/core/images.hpp"
#include "cli/core/json_helpers.hpp"
#include "cli/core/text.hpp"

/// What `images`, `images pull` and `images remove` show.
namespace mc::cli {

[[nodiscard]] Json json_images(const std::vector<ImageRow>& rows);
[[nodiscard]] std::string text_images(const std::vector<ImageRow>& rows, WallTime now, const TextStyle& style);

[[nodiscard]] Json json_image_results(const std::vector<ImageResult>& results);
/// Of what did not fail: a line for each.
[[nodiscard]] std::string text_image_results(const std::vector<ImageResult>& results);

}  // namespace mc::cli
