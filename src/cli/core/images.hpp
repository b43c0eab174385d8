#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "cli/core/command_line.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/image_bodies.hpp"

/// What `images`, `images pull` and `images remove` ask for, and what came of it. One request is about one node.
namespace mc::cli {

struct ImagesCommand {
    protocol::ImageAction action = protocol::ImageAction::list;
    std::vector<std::string> images;  ///< of pull and remove
    std::vector<std::string> nodes;   ///< names or globs; empty = all
    bool all = false;                 ///< of list: those without a name too
    milliseconds timeout{0};          ///< of each request
};
/// Errors: usage, invalid_argument.
[[nodiscard]] Result<ImagesCommand> read_images(const Settings& settings, std::span<const std::string> operands,
                                                protocol::ImageAction action);

/// Which nodes are asked, in their order.
struct ImageNodes {
    std::vector<std::string> names;
    std::vector<Error> unknown;  ///< of those that were named and are not there
};
[[nodiscard]] ImageNodes nodes_of(const ImagesCommand& command, const std::vector<protocol::NodeView>& nodes);

/// "debian" as the engine lists it: "debian:latest", without the registry that goes without saying.
[[nodiscard]] std::string full_image_name(std::string name);

/// A name of an image on a node.
struct ImageRow {
    std::string node;
    protocol::ImageView image;
    std::optional<std::size_t> vms;  ///< of the node that were made from that name; nullopt = it has no name
};
/// Those of one node's answer that are to be shown.
[[nodiscard]] std::vector<ImageRow> image_rows(const ImagesCommand& command, const std::string& node,
                                               const protocol::ImagesReply& reply,
                                               const std::vector<protocol::VmView>& vms);

/// What came of one image on one node.
struct ImageResult {
    enum class Status { pulled, removed, absent, failed };
    Status status = Status::failed;
    std::string node;
    std::string image;  ///< as it was asked for
    std::optional<protocol::ImageView> pulled;
    std::optional<Error> error;  ///< of what failed
};
/// An image that is to be removed and is on only some of the nodes is no failure; one that is on none is: not_found.
[[nodiscard]] std::vector<ImageResult> image_results(protocol::ImageAction action,
                                                     const std::vector<protocol::ImagesRequest>& requests,
                                                     const std::vector<Result<protocol::ImagesReply>>& replies);

}  // namespace mc::cli
