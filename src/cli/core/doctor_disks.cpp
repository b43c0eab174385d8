#include "cli/core/doctor_disks.hpp"

#include <algorithm>

#include "cli/core/quantities.hpp"

namespace mc::cli {
namespace {

using protocol::Fact;
using protocol::NodeView;

bool is_under(const DiskSpace& disk, const DiskLimit& limit) {
    // Whole hundredths: a hundredfold of what a peer says may be more than there are numbers.
    return disk.free_bytes < limit.bytes || disk.free_bytes < disk.bytes / 100 * limit.percent;
}

std::string of_nodes(std::size_t count) {
    return count == 1 ? "" : " of " + std::to_string(count) + " nodes";
}

void check_options(const std::vector<const NodeView*>& nodes, std::vector<Check>& out) {
    const auto first = out.size();
    std::size_t told = 0;
    for (const auto* node : nodes) {
        const auto& engine = node->engine;
        if (engine.live_restore != Fact::unknown) ++told;
        if (engine.live_restore == Fact::no) {
            out.push_back({"engine", node->name, CheckState::warning,
                           "live-restore is off: stopping, restarting or upgrading dockerd stops every VM on it",
                           "on its machine: put \"live-restore\": true into /etc/docker/daemon.json, then: systemctl "
                           "reload docker"});
        }
        if (engine.seccomp == Fact::no) {
            out.push_back({"engine", node->name, CheckState::warning,
                           "does not run its default seccomp profile: VMs may make system calls that it keeps from "
                           "them, and reach more of the kernel",
                           "on its machine: start dockerd without --seccomp-profile (docs/security.md)"});
        }
    }
    if (out.size() != first || told == 0) return;
    out.push_back(
        {"engine", "", CheckState::ok,
         "live-restore is on, Docker's own seccomp profile is applied" + (told == 1 ? "" : ": all" + of_nodes(told)),
         ""});
}

void check_disks(const std::vector<const NodeView*>& nodes, std::vector<Check>& out) {
    const auto first = out.size();
    const NodeView* fullest = nullptr;
    std::size_t told = 0;
    for (const auto* node : nodes) {
        const auto& disk = node->engine.disk;
        if (disk.bytes == 0) continue;
        ++told;
        if (fullest == nullptr || disk.free_bytes < fullest->engine.disk.free_bytes) fullest = node;
        const auto state = judge(disk, doctor::engine_disk_near, doctor::engine_disk_full);
        if (state == CheckState::ok) continue;
        out.push_back({"disk", node->name, state, format_room(disk) + " where its engine keeps images and VMs",
                       "what takes it: docker system df, on its machine; remove what nobody needs: mccli list --node " +
                           node->name + ", mccli images --node " + node->name +
                           " (not docker system prune, which removes stopped VMs)"});
    }
    if (out.size() != first || fullest == nullptr) return;
    const std::string least = told == 1 ? "" : ", the least" + of_nodes(told);
    out.push_back(
        {"disk", "", CheckState::ok, format_room(fullest->engine.disk) + " on node " + fullest->name + least, ""});
}

}  // namespace

CheckState judge(const DiskSpace& disk, const DiskLimit& near, const DiskLimit& full) {
    if (is_under(disk, full)) return CheckState::failed;
    return is_under(disk, near) ? CheckState::warning : CheckState::ok;
}

void check_store(const DiskSpace& disk, std::vector<Check>& out) {
    if (disk.bytes == 0) return;
    const auto state = judge(disk, doctor::store_disk_near, doctor::store_disk_full);
    const std::string found = format_room(disk) + " where the broker keeps its state";
    if (state == CheckState::ok) {
        out.push_back({"store", "", state, found, ""});
    } else {
        out.push_back({"store", "", state, found + ": when it is full, nothing can be changed any more",
                       "on the broker's machine: free space in its state directory, or give it more"});
    }
}

void check_engines(const std::vector<NodeView>& nodes, std::vector<Check>& out) {
    std::vector<const NodeView*> heard;
    for (const auto& node : nodes) {
        if (node.state != protocol::NodeState::silent) heard.push_back(&node);
    }
    check_options(heard, out);
    check_disks(heard, out);
}

}  // namespace mc::cli
