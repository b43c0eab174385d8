#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "protocol/message.hpp"
#include "worker/core/settings.hpp"

/// What the core asks its shell to do, as values, and what comes back.
namespace mc::worker {

using CallId = Id64<struct CallTag>;      ///< one HTTP call to the engine
using StreamId = Id64<struct StreamTag>;  ///< one connection for bytes: hijacked from the engine, or to a VM's port
using ProbeId = Id64<struct ProbeTag>;    ///< one look at a published port
using VisitId = Id64<struct VisitTag>;    ///< one PersonaliseVm or EndVm

/// A file (or directory) for a container.
struct FileEntry {
    std::string path;  ///< relative to the upload's target, e.g. "root/.ssh/authorized_keys"
    std::uint32_t mode = 0600;
    bool directory = false;
    std::string content;

    bool operator==(const FileEntry&) const = default;
};

/// One request of the Docker Engine API.
struct EngineRequest {
    std::string method = "GET";
    std::string target;            ///< path and query, version included
    std::string body;              ///< JSON; empty = none
    std::vector<FileEntry> files;  ///< when not empty: the body is a tar of these
    bool stream = false;           ///< the body of a good answer comes in chunks
    bool archive = false;          ///< the answer is a tar: unpack it into EngineResponse::files
    milliseconds time_max{0};      ///< for the whole call; 0 = none
    milliseconds idle_max{0};      ///< without a byte; 0 = none

    bool operator==(const EngineRequest&) const = default;
};

struct EngineResponse {
    int status = 0;
    std::string body;              ///< of a stream: only what came with a bad status
    std::vector<FileEntry> files;  ///< of an archive
};

/// Errors: engine_unreachable (nothing was sent), deadline_exceeded and
/// engine_failed (the outcome is unknown).
using CallResult = Result<EngineResponse>;

/// What a look at a published port found.
struct ProbeResult {
    bool ssh = false;      ///< an SSH server answers; else nothing listens, or it is none
    std::string host_key;  ///< which it proved to have, as in VmReport, of any type; "" = it has none that we know

    static ProbeResult answered(std::string host_key) { return {true, std::move(host_key)}; }
    static ProbeResult silent() { return {}; }
};

struct SendBroker {
    protocol::Message message;
};
/// Throw the connection to the broker away and make a new one.
struct ReconnectBroker {};
struct StartCall {
    CallId id;
    EngineRequest request;
};
struct CancelCall {
    CallId id;
};
/// Stop and go on reading a streamed answer.
struct PauseCall {
    CallId id;
};
struct ResumeCall {
    CallId id;
};
struct OpenStream {
    StreamId id;
    EngineRequest request;
};
/// A connection to a port that is published on this node: bytes both ways from the beginning.
struct DialStream {
    StreamId id;
    std::string host;
    std::uint16_t port = 0;
    milliseconds time_max{0};  ///< until it stands
};
struct WriteStream {
    StreamId id;
    std::string bytes;
};
/// No more input: half-close once everything before it is written.
struct CloseWrite {
    StreamId id;
};
struct CloseStream {
    StreamId id;
};
struct PauseStream {
    StreamId id;
};
struct ResumeStream {
    StreamId id;
};
struct StartProbe {
    ProbeId id;
    std::string host;
    std::uint16_t port = 0;
    milliseconds time_max{0};
};
struct CancelProbe {
    ProbeId id;
};
/// Makes a running container somebody's, from outside: gives it a host name, puts files into it, and reads one. Nothing
/// of the container's is executed. Needs an engine on this machine, and root. The answer comes at once.
struct PersonaliseVm {
    VisitId id;
    std::string container;  ///< the engine's id
    std::int32_t pid = 0;   ///< of its first process
    std::string host_name;  ///< "" = it keeps its own
    std::vector<FileEntry> files;
    std::string read;  ///< path of a file; "" = none
};
/// The content of PersonaliseVm::read; "" = there is no such file.
using VisitResult = Result<std::string>;
/// Ends a running container, from outside. Needs an engine on this machine, and root. The answer comes when nothing of
/// it runs any more, or after `time_max`.
struct EndVm {
    VisitId id;
    std::string container;  ///< the engine's id
    std::int32_t pid = 0;   ///< of its first process
    milliseconds time_max{0};
};
/// Something of a container that does not run, or is no more.
struct Leftover {
    std::string container;  ///< the engine's id
    milliseconds age_min;   ///< what is younger may be of a start that the engine is at

    bool operator==(const Leftover&) const = default;
};
/// Something of containers of ours that the engine does not have any more.
struct Unlisted {
    std::set<std::string> listed;  ///< those that it has: the engine's ids
    std::string mark;              ///< what ours have in their environment
    std::string data_root;         ///< the engine's directory: what is from another one may be another engine's
    milliseconds age_min{0};       ///< what is younger may be of a container that was made since
};
/// End what still runs of them, if it runs on this machine.
struct EndLeftovers {
    Instant now;  ///< when they are so old
    std::vector<Leftover> leftovers;
    std::optional<Unlisted> unlisted;
};
/// Must be on the disk before any later effect is carried out.
struct SaveState {
    WorkerState state;
};
enum class LogLevel : std::uint8_t { debug, info, warning, error };
struct Log {
    LogLevel level = LogLevel::info;
    std::string text;
};

using Effect = std::variant<SendBroker, ReconnectBroker, StartCall, CancelCall, PauseCall, ResumeCall, OpenStream,
                            DialStream, WriteStream, CloseWrite, CloseStream, PauseStream, ResumeStream, StartProbe,
                            CancelProbe, PersonaliseVm, EndVm, EndLeftovers, SaveState, Log>;

/// Effects in the order in which they must be carried out.
class Outbox {
public:
    void push(Effect effect) { effects_.push_back(std::move(effect)); }
    void log(LogLevel level, std::string text) { push(Log{level, std::move(text)}); }
    [[nodiscard]] std::vector<Effect> take() { return std::exchange(effects_, {}); }

private:
    std::vector<Effect> effects_;
};

}  // namespace mc::worker
