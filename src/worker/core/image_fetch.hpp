#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "worker/core/engine_replies.hpp"
#include "worker/core/job.hpp"

namespace mc::worker {

/// Why an image that is needed is not there, and what to do.
[[nodiscard]] Error image_missing(const JobPort& port, const std::string& image, ErrorCode code,
                                  const std::string& why);

/// Sees that the engine has an image, and reads what it knows of it: a part that jobs are made of, as those of
/// lookup.hpp. Tells how far a pull is as progress `pulling`. Uses the job's timer.
class ImageFetch {
public:
    enum class Pull : std::uint8_t {
        if_missing,
        never,   ///< then it is not found
        always,  ///< the registry may have a newer one under that name
    };
    /// The engine's good answer to image_inspect. Errors: image_not_found, pull_failed, engine_failed,
    /// engine_unreachable, deadline_exceeded.
    using Fetched = Result<EngineResponse>;

    /// `owner`: whose pull it is (bounds::pulls_of_owner_max).
    ImageFetch(JobPort& port, std::string image, std::string owner)
        : port_(port), image_(std::move(image)), owner_(std::move(owner)) {}

    void begin(Now now, Pull when);
    [[nodiscard]] std::optional<Fetched> on_call_done(Now now, const CallResult& result);
    void on_call_chunk(Now now, CallPurpose purpose, std::string_view bytes);
    void on_timer();
    /// Once more, though nothing is new: a sign of life. Nothing when no pull is under way.
    void say_progress(Now now);

private:
    enum class Step : std::uint8_t { look, wait, pull };

    void look();
    void pull(Now now);
    [[nodiscard]] std::optional<Fetched> on_looked(Now now, const CallResult& result);
    [[nodiscard]] std::optional<Fetched> on_pulled(const CallResult& result);
    [[nodiscard]] Error failure(ErrorCode code, const std::string& why) const;

    JobPort& port_;
    std::string image_;
    std::string owner_;
    Step step_ = Step::look;
    Pull when_ = Pull::if_missing;
    bool pulled_ = false;
    std::optional<std::string> pull_failure_;  ///< of a pull whose outcome is unknown
    engine::PullProgress progress_;
    int unknowns_ = 0;  ///< looks that got no answer
};

}  // namespace mc::worker
