#include "cli/core/progress_line.hpp"

#include <array>

#include "cli/core/quantities.hpp"
#include "cli/core/text.hpp"

namespace mc::cli {
namespace {

constexpr std::array<std::string_view, 10> spinner{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};

/// The broker's and worker's stage words as a person would say them.
std::string stage_text(const protocol::Progress& progress) {
    std::string text = progress.stage;
    if (progress.stage == "placed") text = "placed" + (progress.detail.empty() ? "" : " on " + progress.detail);
    if (progress.stage == "pulling") text = "pulling the image";
    if (progress.stage == "waiting") text = "waiting for sshd";
    if (progress.percent != 0)
        text += " " + std::to_string(progress.percent) + " %";
    else if (progress.stage == "pulling" && !progress.detail.empty())
        text += ", " + progress.detail;
    return text;
}

}  // namespace

ProgressLine::ProgressLine(std::string what, Instant now) : what_(std::move(what)), started_(now) {}

void ProgressLine::on_progress(const protocol::Progress& progress) {
    if (by_vm_.size() < limits::batch_max || by_vm_.contains(progress.name)) by_vm_[progress.name] = progress;
}

std::string ProgressLine::text(Instant now, std::size_t columns) const {
    const milliseconds waited = now - started_;
    if (waited < quiet_for) return "";
    const auto turn = static_cast<std::size_t>(waited / spin_interval) % spinner.size();
    std::string line = std::string(spinner[turn]) + " " + what_;
    const protocol::Progress* only = nullptr;
    std::map<std::string, std::size_t> counts;
    for (const auto& [name, progress] : by_vm_) {
        if (name.empty()) continue;
        only = &progress;
        ++counts[stage_text(progress)];
    }
    if (only == nullptr && !by_vm_.empty()) only = &by_vm_.begin()->second;
    std::size_t vms = 0;
    for (const auto& [stage, count] : counts) vms += count;
    if (vms > 1) {
        std::string all;
        for (const auto& [stage, count] : counts)
            all += (all.empty() ? "" : ", ") + std::to_string(count) + " " + stage;
        line += ": " + all;
    } else if (only != nullptr && only->stage == "accepted") {
        if (what_.starts_with("creating")) line += ": placing";
    } else if (only != nullptr) {
        // "creating web: starting", "creating a VM: vm-7 starting".
        const bool named = only->name.empty() || what_.ends_with(" " + only->name);
        line += ": " + (named ? "" : only->name + " ") + stage_text(*only);
    }
    if (waited >= 2s) line += " (" + format_age(waited) + ")";
    return shortened(printable(line), columns);
}

}  // namespace mc::cli
