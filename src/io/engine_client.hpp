#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "io/engine_endpoint.hpp"
#include "io/poller.hpp"

namespace mc::io {

/// Chosen by the caller; unique among the calls that are under way.
struct CallId {
    std::uint64_t value = 0;
    auto operator<=>(const CallId&) const = default;
};

/// One HTTP request to the engine.
struct EngineCall {
    std::string method = "GET";
    std::string path{};          ///< with version and query, e.g. "/v1.41/containers/json?all=1"; already escaped
    std::string content_type{};  ///< of the body; "" = application/json when there is a body
    std::string body{};          ///< sent as it is; bytes
    std::vector<std::string> headers{};  ///< more request headers, "Name: value"
    milliseconds connect_timeout{5000};
    milliseconds total_timeout{30000};       ///< from start to the last byte; 0 = none
    milliseconds idle_timeout{0};            ///< longest silence of the engine while not paused; 0 = none
    bool streaming = false;                  ///< 2xx: the body comes in on_chunk, not in the response
    std::size_t body_bytes_max = 16U << 20;  ///< of a body that is collected; more is an error
};

struct EngineResponse {
    int status = 0;      ///< any HTTP status: 404 is an answer, not an Error
    std::string body{};  ///< streaming and 2xx: empty
};

enum class Flow {
    go_on,
    pause,  ///< this chunk was taken; no more until resume()
};

struct EngineHandlers {
    /// Exactly once, last, from Poller::wait, unless cancelled. May start and cancel calls.
    /// Errors: engine_unreachable (no connection, or it broke half-way), deadline_exceeded (no complete answer in
    /// time), engine_failed (what answers does not speak HTTP), too_large (over body_bytes_max). What the engine
    /// did is unknown after each.
    std::function<void(Result<EngineResponse>)> on_done{};
    /// Streaming only: a 2xx answer's head has come; before the first chunk.
    std::function<void(int status)> on_head{};
    /// Streaming only. The view lives until it returns. May start, cancel and resume calls.
    std::function<Flow(std::string_view bytes)> on_chunk{};
};

/// Docker Engine API calls over libcurl's multi interface on the Poller: never
/// blocks (names are resolved in libcurl's helper thread), reuses connections,
/// any number of calls at once (the caller bounds it).
///
/// Single thread, the Poller's. Must not be destroyed from inside a handler. A
/// connection that the engine closed while idle is noticed and the request sent
/// again on a new one, so a request may reach the engine twice.
/// Source: Docker Engine API v1.41; unix sockets with plain http (pitfalls 25).
class EngineClient {
public:
    EngineClient(Poller& poller, EngineEndpoint endpoint);
    /// Cancels everything.
    ~EngineClient();
    EngineClient(const EngineClient&) = delete;
    EngineClient& operator=(const EngineClient&) = delete;

    /// REQUIRES: `id` is not under way; on_done is set. Handlers are never called from inside start().
    void start(CallId id, EngineCall call, EngineHandlers handlers);

    /// Ends a call without any further callback; an id that is not under way is
    /// nothing. What the engine made of it is unknown.
    void cancel(CallId id);

    /// After Flow::pause. An id that is not under way is nothing.
    void resume(CallId id);

    [[nodiscard]] std::size_t calls_under_way() const;
    [[nodiscard]] const EngineEndpoint& endpoint() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace mc::io
