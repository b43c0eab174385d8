#include "worker/core/pool.hpp"

#include <algorithm>
#include <set>

#include "protocol/client_bodies.hpp"
#include "worker/core/engine_requests.hpp"
#include "worker/core/text.hpp"

namespace mc::worker {
namespace {

/// Until it is somebody's.
constexpr const char* spare_host_name = "spare";

}  // namespace

using protocol::ContainerState;

protocol::VmSpec Pool::spec_of(const std::string& image) {
    protocol::VmSpec spec;
    spec.name = spare_host_name;
    spec.image = image;
    spec.cpus_milli = defaults::cpus_milli;
    spec.memory_bytes = defaults::memory_bytes;
    spec.pids = defaults::pids;
    return spec;
}

void Pool::on_wanted(Now now, const std::string& image) {
    if (context_.settings.pool == 0) return;
    rest_until_ = now.instant + bounds::pool_rest;
    images_[image].wanted = now.instant;
    while (images_.size() > bounds::pool_images_max) {
        auto oldest = images_.end();
        for (auto it = images_.begin(); it != images_.end(); ++it) {
            if (it->first == defaults::image) continue;
            if (oldest == images_.end() || it->second.wanted < oldest->second.wanted) oldest = it;
        }
        images_.erase(oldest);
    }
    next_try_ = std::min(next_try_, rest_until_);
}

std::optional<Pool::Spare> Pool::take(VmId vm) {
    const auto found = kept_.find(vm);
    if (found == kept_.end()) return std::nullopt;
    Spare spare = std::move(found->second.spare);
    kept_.erase(found);
    return spare;
}

void Pool::drop_image(const std::string& image) {
    std::erase_if(kept_, [&](const auto& entry) {
        if (entry.second.image != image) return false;
        remove(entry.second.spare.container.id);
        return true;
    });
}

void Pool::drop_all() {
    for (const auto& [vm, kept] : kept_) remove(kept.spare.container.id);
    if (trial_) remove(trial_->container.id);
    kept_.clear();
    trial_.reset();
    making_ = {};
}

void Pool::begin_stop() {
    stopping_ = true;
    drop_all();
}

void Pool::on_tick(Now now, bool may_make) {
    if (stopping_) return;
    images_.try_emplace(defaults::image);
    if (now.instant < next_try_ && next_try_ != Instant::never()) return;
    forget_unwanted(now);
    next_try_ = Instant::never();
    if (making_ || !may_make) return;
    if (now.instant < rest_until_) {
        next_try_ = rest_until_;
        return;
    }
    const auto image = lacking(now);
    if (!image) return;
    protocol::CreateOrder order;
    // Two workers that make the same one, in the same millisecond, have it used once: the broker sees to that.
    const std::uint64_t chance = fingerprint(context_.settings.boot.str() + "/" + std::to_string(++made_));
    order.vm = making_ = make_vm_id(now.wall.unix_ms, chance);
    order.spec = spec_of(*image);
    making_image_ = *image;
    make_(now, std::move(order));
}

std::optional<std::string> Pool::lacking(Now now) {
    std::optional<std::string> image;
    std::size_t most = 0;
    for (const auto& [name, wanted] : images_) {
        const auto count = std::count_if(kept_.begin(), kept_.end(),
                                         [&, &of = name](const auto& entry) { return entry.second.image == of; });
        const auto have = static_cast<std::size_t>(count);
        if (have >= context_.settings.pool) continue;
        if (now.instant < wanted.retry) {
            next_try_ = std::min(next_try_, wanted.retry);
            continue;
        }
        if (context_.settings.pool - have <= most) continue;
        most = context_.settings.pool - have;
        image = name;
    }
    return image;
}

void Pool::forget_unwanted(Now now) {
    std::erase_if(images_, [&](const auto& entry) {
        return entry.first != defaults::image && now.instant - entry.second.wanted >= bounds::pool_image_kept;
    });
    std::set<std::string> unwanted;
    for (const auto& [vm, kept] : kept_) {
        if (!images_.contains(kept.image)) unwanted.insert(kept.image);
    }
    for (const auto& image : unwanted) drop_image(image);
}

void Pool::on_ready(const engine::ContainerInfo& container, const protocol::VmReport& report) {
    if (report.vm != making_) return remove(container.id);  // of a job that drop_all() has left alone
    trial_ = Spare{container, report};
    // As it will be done for who gets it, so that nobody has to find out that it can't.
    context_.outbox.push(
        PersonaliseVm{VisitId{owner_pool.value}, container.id, container.pid, spare_host_name, {}, {}});
}

void Pool::on_ended(Now now, VmId vm, const Outcome& outcome) {
    if (vm != making_ || trial_) return;
    const auto error = protocol::decode<protocol::ErrorBody>(outcome.body);
    on_failure(now, {outcome.code, error ? error->message : "it ended"});
}

void Pool::on_personalised(Now now, const VisitResult& result) {
    if (!trial_) return;
    if (!result) {
        remove(trial_->container.id);
        trial_.reset();
        return on_failure(now, result.error());
    }
    const VmId vm = std::exchange(making_, {});
    images_[making_image_].failures = 0;
    told_.clear();
    kept_[vm] = Kept{std::move(*trial_), making_image_, now.instant};
    trial_.reset();
    next_try_ = now.instant;
    changed_(now);
}

void Pool::on_failure(Now now, const Error& why) {
    making_ = {};
    Image& image = images_[making_image_];
    constexpr int doublings_max = 7;  // to the most
    const auto wait = std::min<milliseconds>(bounds::pool_retry_max,
                                             bounds::pool_retry_min * (1 << std::min(image.failures, doublings_max)));
    ++image.failures;
    image.retry = now.instant + wait;
    next_try_ = image.retry;
    if (std::exchange(told_, why.message) == why.message) return;
    context_.outbox.log(LogLevel::warning, "no VM of image " + making_image_ + " can be kept ready, so creates take " +
                                               "longer: " + why.message + " (docs/operations.md, VMs in milliseconds)");
}

void Pool::remove(const std::string& container) {
    removals_[context_.calls.start(owner_pool, CallPurpose::remove, engine::remove(container))] = container;
}

void Pool::on_call_done(Now now, CallId id, const CallResult& result) {
    const auto found = removals_.find(id);
    if (found == removals_.end()) return;
    // What is left otherwise is a container that no VM accounts for: the broker has it removed.
    if (result && engine::is_good(*result)) context_.leftovers.on_removed(now, found->second);
    removals_.erase(found);
}

void Pool::on_list(Instant began, std::vector<engine::ContainerInfo>& listed) {
    std::set<std::string> running;
    for (const auto& container : listed) {
        if (container.state == ContainerState::running) running.insert(container.id);
    }
    std::erase_if(kept_, [&](const auto& entry) {
        const Kept& kept = entry.second;
        if (kept.since >= began || running.contains(kept.spare.container.id)) return false;
        remove(kept.spare.container.id);
        return true;
    });
    // By container, so that a copy of one, by somebody else, is seen to be nobody's.
    std::set<std::string> own;
    for (const auto& [call, container] : removals_) own.insert(container);
    for (const auto& [vm, kept] : kept_) own.insert(kept.spare.container.id);
    std::erase_if(listed, [&](const auto& container) {
        return own.contains(container.id) || vm_of(container.labels) == making_;
    });
}

std::vector<protocol::Spare> Pool::ready() const {
    std::vector<protocol::Spare> spares;
    for (const auto& [vm, kept] : kept_) spares.push_back({vm, kept.image});
    return spares;
}

}  // namespace mc::worker
