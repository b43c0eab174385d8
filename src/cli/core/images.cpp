#include "cli/core/images.hpp"

#include <algorithm>
#include <map>

#include "base/assert.hpp"
#include "cli/core/node_details.hpp"
#include "cli/core/option_readers.hpp"
#include "cli/core/vm_filter.hpp"
#include "protocol/validate.hpp"

namespace mc::cli {
namespace {

using protocol::ImageAction;

// An engine with many images takes seconds to add up what each takes.
constexpr seconds list_timeout{30};
constexpr seconds pull_timeout_default{600};

bool is_anywhere(const std::vector<ImageResult>& results, const std::string& image) {
    return std::any_of(results.begin(), results.end(), [&](const ImageResult& one) {
        return one.image == image && one.status != ImageResult::Status::absent;
    });
}

}  // namespace

Result<ImagesCommand> read_images(const Settings& settings, std::span<const std::string> operands, ImageAction action) {
    ImagesCommand out;
    out.action = action;
    for (const auto& image : operands) {
        if (auto checked = protocol::check_image(image); !checked) return fail(checked.error());
        if (std::find(out.images.begin(), out.images.end(), image) == out.images.end()) out.images.push_back(image);
    }
    out.nodes = settings.all("node");
    for (const auto& node : out.nodes) {
        const auto checked = is_glob(node) ? Result<void>{} : protocol::check_name("node name", node);
        if (!checked) return fail(about("node", checked).error());
    }
    out.all = settings.flag("all");
    out.timeout = action == ImageAction::list   ? milliseconds(list_timeout)
                  : action == ImageAction::pull ? milliseconds(pull_timeout_default)
                                                : milliseconds(limits::request_deadline_default);
    if (auto taken = take_timeout(settings, out.timeout); !taken) return fail(taken.error());
    return out;
}

ImageNodes nodes_of(const ImagesCommand& command, const std::vector<protocol::NodeView>& nodes) {
    ImageNodes out;
    for (const auto& node : nodes) {
        const auto means_it = [&](const std::string& pattern) { return fits(pattern, node.name); };
        if (command.nodes.empty() || std::any_of(command.nodes.begin(), command.nodes.end(), means_it)) {
            out.names.push_back(node.name);
        }
    }
    for (const auto& pattern : command.nodes) {
        const auto is_it = [&](const protocol::NodeView& node) { return fits(pattern, node.name); };
        if (std::any_of(nodes.begin(), nodes.end(), is_it)) continue;
        out.unknown.push_back(is_glob(pattern) ? Error{ErrorCode::not_found, "no node has a name like " + pattern}
                                               : find_node(nodes, pattern).error());
    }
    return out;
}

std::string full_image_name(std::string name) {
    for (const std::string_view prefix : {"docker.io/", "library/"}) {
        if (name.starts_with(prefix)) name.erase(0, prefix.size());
    }
    const auto last = name.rfind('/');
    const bool tagged = name.find_first_of(":@", last == std::string::npos ? 0 : last) != std::string::npos;
    return tagged ? name : name + ":latest";
}

std::vector<ImageRow> image_rows(const ImagesCommand& command, const std::string& node,
                                 const protocol::ImagesReply& reply, const std::vector<protocol::VmView>& vms) {
    std::map<std::string, std::size_t> made_from;
    for (const auto& vm : vms) {
        if (vm.node == node) ++made_from[full_image_name(vm.image)];
    }
    std::vector<ImageRow> rows;
    for (const auto& image : reply.images) {
        if (image.name.empty() && !command.all) continue;
        ImageRow row{node, image, std::nullopt};
        if (!image.name.empty()) row.vms = made_from[full_image_name(image.name)];
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<ImageResult> image_results(ImageAction action, const std::vector<protocol::ImagesRequest>& requests,
                                       const std::vector<Result<protocol::ImagesReply>>& replies) {
    MC_ASSERT(requests.size() == replies.size());
    std::vector<ImageResult> out;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        ImageResult result{ImageResult::Status::failed, requests[i].node, requests[i].image, std::nullopt,
                           std::nullopt};
        if (replies[i]) {
            result.status = action == ImageAction::pull ? ImageResult::Status::pulled : ImageResult::Status::removed;
            if (!replies[i]->images.empty()) result.pulled = replies[i]->images.front();
        } else {
            result.error = replies[i].error();
            const bool absent = action == ImageAction::remove && result.error->code == ErrorCode::not_found;
            if (absent) result.status = ImageResult::Status::absent;
        }
        out.push_back(std::move(result));
    }
    std::vector<std::string> nowhere;
    for (const auto& result : out) {
        if (!is_anywhere(out, result.image)) nowhere.push_back(result.image);
    }
    for (auto& result : out) {
        if (result.status != ImageResult::Status::absent) continue;
        if (std::find(nowhere.begin(), nowhere.end(), result.image) == nowhere.end()) {
            result.error.reset();
        } else {
            result.status = ImageResult::Status::failed;
        }
    }
    return out;
}

}  // namespace mc::cli
