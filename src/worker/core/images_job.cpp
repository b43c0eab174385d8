#include "worker/core/images_job.hpp"

#include "worker/core/engine_requests.hpp"

namespace mc::worker {

using protocol::ImageAction;
using protocol::ImagesReply;

ImagesJob::ImagesJob(JobContext& context, JobHead head, protocol::NodeImagesOrder order)
    : StreamJob(context, head), order_(std::move(order)) {}

void ImagesJob::begin(Now now) {
    switch (order_.action) {
        case ImageAction::list:
            return port().call(CallPurpose::image_list, engine::image_list());
        case ImageAction::pull:
            fetch_.emplace(port(), order_.image, order_.owner);
            fetch_->begin(now, ImageFetch::Pull::always);
            return port().wake_at(now.instant + bounds::pull_sign_interval);
        case ImageAction::remove:
            return port().call(CallPurpose::image_remove, engine::image_remove(order_.image));
    }
}

void ImagesJob::on_call_done(Now now, CallPurpose purpose, CallResult result) {
    if (fetch_) {
        if (const auto fetched = fetch_->on_call_done(now, result)) on_fetched(*fetched);
        return;
    }
    if (purpose == CallPurpose::image_list) return on_list(result);
    unknown_ ? on_looked(result) : on_removed(result);
}

void ImagesJob::on_list(const CallResult& result) {
    if (!result) return end(result.error());
    if (!engine::is_good(*result)) {
        return end(Error{ErrorCode::engine_failed,
                         "the engine can't list the images" + on_node() + ": " + engine::message_of(*result)});
    }
    auto images = engine::parse_images(result->body);
    if (!images) return end(images.error());
    ImagesReply reply{std::move(*images), 0};
    if (reply.images.size() > limits::images_max) {
        reply.left_out = static_cast<std::uint32_t>(reply.images.size() - limits::images_max);
        reply.images.resize(limits::images_max);
    }
    end(Outcome::done(reply));
}

void ImagesJob::on_fetched(const ImageFetch::Fetched& fetched) {
    if (!fetched) return end(fetched.error());
    const auto image = engine::parse_image_view(fetched->body, order_.image);
    if (!image) return end(image.error());
    end(Outcome::done(ImagesReply{{*image}, 0}));
}

void ImagesJob::on_removed(const CallResult& result) {
    if (!result && result.error().code == ErrorCode::engine_unreachable) return end(result.error());
    if (!result) {
        unknown_ = result.error();
        return port().call(CallPurpose::image_inspect, engine::image_inspect(order_.image));
    }
    if (engine::is_good(*result)) return end(Outcome::done(ImagesReply{}));
    if (result->status == 404) {
        return end(Error{ErrorCode::not_found, "there is no image " + order_.image + on_node()});
    }
    const bool in_use = result->status == 409;
    end(Error{in_use ? ErrorCode::wrong_state : ErrorCode::engine_failed,
              "the engine does not remove image " + order_.image + on_node() + ": " + engine::message_of(*result) +
                  (in_use ? "; what uses it has to be deleted first" : "")});
}

void ImagesJob::on_looked(const CallResult& result) {
    if (result && result->status == 404) return end(Outcome::done(ImagesReply{}));
    end(*unknown_);
}

std::string ImagesJob::on_node() const {
    return " on node " + port().context().settings.name;
}

void ImagesJob::on_call_chunk(Now now, CallPurpose purpose, std::string_view bytes) {
    if (fetch_) fetch_->on_call_chunk(now, purpose, bytes);
}

void ImagesJob::on_timer(Now now) {
    if (!fetch_) return;
    // It may wait for its turn, or for a slow registry: that its client has gone is noticed by what it can't be told.
    port().wake_at(now.instant + bounds::pull_sign_interval);
    fetch_->say_progress(now);
    fetch_->on_timer();
}

void ImagesJob::give_up(Now /*now*/, Error why) {
    end(why);
}

}  // namespace mc::worker
