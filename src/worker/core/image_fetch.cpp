#include "worker/core/image_fetch.hpp"

#include <algorithm>
#include <array>

#include "worker/core/bounds.hpp"
#include "worker/core/engine_requests.hpp"

namespace mc::worker {
namespace {

/// Whether a registry, or the engine, says that there is no such image. Registries and engines word it differently.
bool says_unknown(const EngineResponse& response, const std::string& why) {
    constexpr std::array<std::string_view, 4> words{"not found", "does not exist", "manifest unknown", "name unknown"};
    return response.status == 404 || std::any_of(words.begin(), words.end(), [&](std::string_view word) {
               return why.find(word) != std::string::npos;
           });
}

}  // namespace

Error image_missing(const JobPort& port, const std::string& image, ErrorCode code, const std::string& why) {
    return {code, "image " + image + " is not on node " + port.context().settings.name +
                      " and can't be pulled: " + why + "; build it with docker/vm/build or name one that is there"};
}

void ImageFetch::begin(Now now, Pull when) {
    when_ = when;
    if (when == Pull::always) return pull(now);
    look();
}

void ImageFetch::look() {
    step_ = Step::look;
    port_.call(CallPurpose::image_inspect, engine::image_inspect(image_));
}

void ImageFetch::pull(Now now) {
    step_ = Step::pull;
    port_.progress(now, "pulling", image_);
    port_.call(CallPurpose::pull, engine::pull(image_), owner_);
}

std::optional<ImageFetch::Fetched> ImageFetch::on_call_done(Now now, const CallResult& result) {
    return step_ == Step::pull ? on_pulled(result) : on_looked(now, result);
}

std::optional<ImageFetch::Fetched> ImageFetch::on_looked(Now now, const CallResult& result) {
    if (!result) {
        if (++unknowns_ >= bounds::engine_tries_max) return fail(result.error());
        step_ = Step::wait;
        port_.wake_at(now.instant + bounds::engine_retry);
        return std::nullopt;
    }
    if (result->status == 404) {
        if (pull_failure_) return fail(failure(ErrorCode::pull_failed, *pull_failure_));
        if (pulled_) return fail(failure(ErrorCode::image_not_found, "it was pulled, but the engine has lost it"));
        if (when_ == Pull::never) return fail(ErrorCode::image_not_found, "image " + image_ + " is not on the engine");
        pull(now);
        return std::nullopt;
    }
    if (!engine::is_good(*result)) return fail(ErrorCode::engine_failed, engine::message_of(*result));
    // What was there before is no answer to who wants what the registry has now.
    if (when_ == Pull::always && pull_failure_) return fail(failure(ErrorCode::pull_failed, *pull_failure_));
    return *result;
}

void ImageFetch::on_call_chunk(Now now, CallPurpose purpose, std::string_view bytes) {
    if (purpose != CallPurpose::pull || step_ != Step::pull) return;
    progress_.on_chunk(bytes);
    say_progress(now);
}

void ImageFetch::say_progress(Now now) {
    if (step_ == Step::pull) port_.progress(now, "pulling", progress_.detail(), progress_.percent());
}

std::optional<ImageFetch::Fetched> ImageFetch::on_pulled(const CallResult& result) {
    if (!result) {
        // It may be there all the same: the engine goes on with what it had begun.
        pull_failure_ = result.error().message;
        look();
        return std::nullopt;
    }
    const std::string why = !engine::is_good(*result) ? engine::message_of(*result) : progress_.error().value_or("");
    if (why.empty()) {
        pulled_ = true;
        look();
        return std::nullopt;
    }
    return fail(failure(says_unknown(*result, why) ? ErrorCode::image_not_found : ErrorCode::pull_failed, why));
}

void ImageFetch::on_timer() {
    if (step_ == Step::wait) look();
}

Error ImageFetch::failure(ErrorCode code, const std::string& why) const {
    if (when_ != Pull::always) return image_missing(port_, image_, code, why);
    return {code, "image " + image_ + " can't be pulled to node " + port_.context().settings.name + ": " + why};
}

}  // namespace mc::worker
