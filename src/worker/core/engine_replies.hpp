#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "protocol/image_bodies.hpp"
#include "protocol/vm.hpp"
#include "worker/core/container_spec.hpp"
#include "worker/core/effects.hpp"

/// What the engine's answers say (Engine API v1.41). Pure. The engine is not
/// trusted to be well: what can't be read is engine_failed, never an assertion.
namespace mc::worker::engine {

/// One container, from inspect or (with less known) from list.
struct ContainerInfo {
    std::string id;
    std::string image;
    std::string image_id;   ///< what the image's name meant then; from inspect only
    std::string host_name;  ///< that it is started with; from inspect only
    std::int32_t pid = 0;   ///< of its first process, on the engine's machine; from inspect only
    Labels labels;
    protocol::ContainerState state = protocol::ContainerState::absent;
    bool dead = false;           ///< a removal that got stuck
    bool exposes_ssh = false;    ///< has 22/tcp; from inspect only
    std::uint16_t ssh_port = 0;  ///< as published
    WallTime created;            ///< from list only
    WallTime started;            ///< from inspect only
    std::int32_t exit_code = 0;
    std::string reason;  ///< why it is not running: the engine's error, out of memory; from inspect only
};

struct EngineInfo {
    std::string version;
    std::uint32_t cpus = 0;
    std::uint64_t memory_bytes = 0;
    bool live_restore = false;
    std::string id;              ///< several engines of one machine may have the same
    std::string data_root;       ///< its directory on its machine
    bool remaps_users = false;   ///< dockerd --userns-remap: root in a container is another user id outside
    bool filters_calls = false;  ///< Docker's own seccomp profile is there, and applied
};

struct NetworkInfo {
    bool isolates = false;  ///< its containers can't reach each other
    bool internal = false;  ///< nobody outside reaches them
    bool ours = false;      ///< a worker made it
};

/// What a container has used since it was started.
struct UsageCounters {
    WallTime read;  ///< the engine's clock
    std::uint64_t cpu_ns = 0;
    std::uint64_t memory_bytes = 0;  ///< now; without the page cache that can be given back, as `docker stats` says it
    std::uint64_t rx_bytes = 0;      ///< of all its interfaces
    std::uint64_t tx_bytes = 0;
};

struct ExecInfo {
    bool running = false;
    std::int32_t exit_code = 0;
};

[[nodiscard]] bool is_good(const EngineResponse& response);

/// The engine's own sentence in an error answer; "HTTP 500" when it gave none.
[[nodiscard]] std::string message_of(const EngineResponse& response);

/// A start failed because the host port that the engine picked was taken in between
/// (pitfalls 20): a second start picks another one.
[[nodiscard]] bool is_port_taken(const EngineResponse& response);

/// message_of() a start that failed, with the container's id if Docker does not name it: what to do about some of them
/// needs it (docs/operations.md "What a killed engine leaves behind").
[[nodiscard]] std::string start_message_of(const EngineResponse& response, const std::string& container);

/// Errors of all of these: engine_failed.
[[nodiscard]] Result<EngineInfo> parse_info(std::string_view body);
[[nodiscard]] Result<NetworkInfo> parse_network(std::string_view body);
[[nodiscard]] Result<ImageInfo> parse_image(std::string_view body);
/// One entry for each name, in their order; then the images without a name, the newest first.
[[nodiscard]] Result<std::vector<protocol::ImageView>> parse_images(std::string_view body);
/// Of an inspected image, as the one of that name.
[[nodiscard]] Result<protocol::ImageView> parse_image_view(std::string_view body, const std::string& name);
[[nodiscard]] Result<ContainerInfo> parse_inspect(std::string_view body);
/// Entries that can't be read are left out only if they are not ours to report.
[[nodiscard]] Result<std::vector<ContainerInfo>> parse_list(std::string_view body);
/// The "Id" of a create or exec-create answer.
[[nodiscard]] Result<std::string> parse_id(std::string_view body);
[[nodiscard]] Result<ExecInfo> parse_exec(std::string_view body);
/// Also of a container that does not run: engine_failed.
[[nodiscard]] Result<UsageCounters> parse_usage(std::string_view body);

/// The first line of an SSH public key's file, without its comment; "" when it is none.
[[nodiscard]] std::string public_key_in(std::string_view content);
/// The one in an unpacked archive; "" when there is none.
[[nodiscard]] std::string host_key_in(const EngineResponse& response);

/// The last words of a container, as one line for a sentence; `body` is a multiplexed stream.
[[nodiscard]] std::string last_words_in(std::string_view body);

[[nodiscard]] protocol::VmReport to_report(VmId vm, const ContainerInfo& container);

/// Cuts a stream of JSON lines. Bounded: a line over bounds::line_bytes_max is
/// dropped whole.
class LineReader {
public:
    /// The complete lines that `bytes` end, without their line ends, empty ones left out.
    [[nodiscard]] std::vector<std::string> feed(std::string_view bytes);

private:
    std::string partial_;
    bool dropping_ = false;
};

/// Follows the progress of an image pull.
class PullProgress {
public:
    void on_chunk(std::string_view bytes);
    /// The failure that came inside the stream, if one did.
    [[nodiscard]] const std::optional<std::string>& error() const { return error_; }
    /// 0 to 100, of the layers known so far.
    [[nodiscard]] std::uint8_t percent() const;
    /// E.g. "3 of 7 layers"; "" while none is known.
    [[nodiscard]] std::string detail() const;

private:
    struct Layer {
        std::uint64_t done = 0;
        std::uint64_t total = 0;
        bool complete = false;
    };
    void on_line(const std::string& line);

    LineReader lines_;
    std::map<std::string, Layer> layers_;
    std::optional<std::string> error_;
};

/// One container event.
struct EngineEvent {
    std::string action;
    std::string container;
    std::int64_t unix_seconds = 0;
    std::optional<VmId> vm;  ///< as its labels say
};
[[nodiscard]] std::optional<EngineEvent> parse_event(std::string_view line);

}  // namespace mc::worker::engine
