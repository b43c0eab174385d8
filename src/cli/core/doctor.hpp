#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "cli/core/exit_code.hpp"
#include "protocol/client_bodies.hpp"

/// What is wrong, judged by what a shell has gathered. Pure.
namespace mc::cli {

enum class CheckState {
    ok,
    warning,  ///< it works, but not as well as it should, or not for long
    failed,
    not_asked,  ///< this key may not ask for it
};
[[nodiscard]] std::string_view name_of(CheckState state);

struct Check {
    std::string_view check;  ///< what was looked at: a word of docs/cli.md; static storage
    std::string target;      ///< the node or VM that it is about; "" = none
    CheckState state = CheckState::ok;
    std::string found;
    std::string next;  ///< what to do about it; "" = nothing
};

namespace doctor {
inline constexpr milliseconds clock_skew_max = 5s;
inline constexpr milliseconds key_expiry_near = std::chrono::hours(7 * 24);
/// A worker lists its engine every 3 s, and says itself that it is not ready after 12 s.
inline constexpr milliseconds engine_age_max = 8s;
inline constexpr std::size_t vms_shown_max = 10;  ///< of those that are in trouble
inline constexpr int openssh_major_min = 8;       ///< for KnownHostsCommand in what ssh-config writes
inline constexpr int openssh_minor_min = 5;
}  // namespace doctor

/// The way to the broker.
struct RouteFacts {
    std::string endpoint;
    std::string endpoint_origin;  ///< "--broker", "MC_BROKER", "FILE:LINE"; "" = --broker was not given
    std::string context;          ///< whose key is used; "" = none
    std::string context_origin;   ///< as endpoint_origin, for --context
    std::string key_file;         ///< of the context
    std::string fingerprint;      ///< of the key; "" = none
};

/// This machine's own.
struct MachineFacts {
    Result<std::string> state_dir = std::string();  ///< one that can be written to
    std::vector<std::string> missing_programs;      ///< of ssh, scp and ssh-keygen
    std::string ssh_version;                        ///< as `ssh -V` says it; "" = nothing
};

/// What a broker that answers has said.
struct BrokerFacts {
    protocol::HelloReply hello;
    WallTime asked;                                 ///< this machine's time before the question for `hello`
    WallTime answered;                              ///< and after its answer
    std::string warning;                            ///< that came with its answer
    Result<milliseconds> beacon = milliseconds(0);  ///< how long one took on the events channel, or why there was none
    std::string events_endpoint;
    /// Nullopt: was not asked for.
    std::optional<Result<std::vector<protocol::KeyView>>> keys;
    std::optional<Result<std::vector<protocol::NodeView>>> nodes;
    Result<std::vector<protocol::VmView>> vms = std::vector<protocol::VmView>();
};

struct DoctorFacts {
    WallTime now;
    std::string version;  ///< of this program
    Result<RouteFacts> route = RouteFacts();
    MachineFacts machine;
    Result<BrokerFacts> broker = BrokerFacts();  ///< REQUIRES of its error: broker_unreachable = nobody answers
};

/// Whether a key of `role` may ask for nodes and keys.
[[nodiscard]] constexpr bool sees_cloud(protocol::Role role) {
    return role == protocol::Role::viewer || role == protocol::Role::admin;
}

/// In the order in which one thing needs another. What can't be known for a check that failed is left out.
[[nodiscard]] std::vector<Check> diagnose(const DoctorFacts& facts);

/// ok; broker_unreachable when nobody answers; else failed when a check has.
[[nodiscard]] ExitCode exit_code_of(const DoctorFacts& facts, const std::vector<Check>& checks);

/// How far the broker's clock is ahead of this machine's, at least; the answer may have been on its way for as long as
/// it took.
[[nodiscard]] milliseconds clock_skew(WallTime asked, WallTime broker, WallTime answered);

}  // namespace mc::cli
