#pragma once

#include <optional>
#include <string>

#include "protocol/image_bodies.hpp"
#include "worker/core/image_fetch.hpp"
#include "worker/core/stream_jobs.hpp"

namespace mc::worker {

/// node_images: lists the engine's images, pulls one or removes one, never by force. Of no VM. Somebody waits for it:
/// it ends with the session, like a stream, and a pull that is not wanted any more is broken off. ADR 31.
class ImagesJob final : public StreamJob {
public:
    ImagesJob(JobContext& context, JobHead head, protocol::NodeImagesOrder order);

    void begin(Now now) override;
    void on_call_done(Now now, CallPurpose purpose, CallResult result) override;
    void on_call_chunk(Now now, CallPurpose purpose, std::string_view bytes) override;
    void on_timer(Now now) override;
    void on_peer(Now /*now*/, protocol::Message /*message*/) override {}  // it has no data
    void give_up(Now now, Error why) override;

private:
    void on_list(const CallResult& result);
    void on_fetched(const ImageFetch::Fetched& fetched);
    void on_removed(const CallResult& result);
    /// The answer to a removal never came.
    void on_looked(const CallResult& result);
    [[nodiscard]] std::string on_node() const;

    protocol::NodeImagesOrder order_;
    std::optional<ImageFetch> fetch_;
    std::optional<Error> unknown_;  ///< why it is not known whether it was removed
};

}  // namespace mc::worker
