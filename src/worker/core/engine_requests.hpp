#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/client_bodies.hpp"
#include "worker/core/container_spec.hpp"
#include "worker/core/effects.hpp"

/// The requests of the Docker Engine API (v1.41) that a worker makes, and nothing
/// else. Pure. `container` is an engine id or a name of ours.
namespace mc::worker::engine {

[[nodiscard]] EngineRequest info();
/// Docker's default bridge; and the one that workers make where it lets VMs reach each other (ADR 22).
inline constexpr const char* default_network = "bridge";
inline constexpr const char* own_network = "minicloud";
[[nodiscard]] EngineRequest network_inspect(const std::string& network);
/// Makes own_network. `engine`: tells the engine from others on its machine. The network's interface is named after it:
/// of several workers that make the network at the same time one succeeds (by the network's name alone all would).
[[nodiscard]] EngineRequest own_network_create(std::string_view engine);
/// Every container of this cloud and node, running or not.
[[nodiscard]] EngineRequest list(const Identity& identity);
/// Those of one VM, whatever they are named: one, unless something went wrong.
[[nodiscard]] EngineRequest find(const Identity& identity, VmId vm);
/// Life cycle events of our containers from `since_unix_seconds` on, without end.
[[nodiscard]] EngineRequest events(const Identity& identity, std::int64_t since_unix_seconds);

[[nodiscard]] EngineRequest image_inspect(const std::string& image);
/// Without those that only others are made of.
[[nodiscard]] EngineRequest image_list();
/// Never by force: 409 for one that is in use. Takes a name off an image that has another one.
[[nodiscard]] EngineRequest image_remove(const std::string& image);
/// Streams its progress; a failure may come inside the stream after a 200.
[[nodiscard]] EngineRequest pull(const std::string& image);

[[nodiscard]] EngineRequest create(VmId vm, std::string spec);
/// Unpacks `files` at the container's root; it need not be running.
[[nodiscard]] EngineRequest upload(const std::string& container, std::vector<FileEntry> files);
/// `limits`: limits_spec().
[[nodiscard]] EngineRequest update(const std::string& container, std::string limits);
[[nodiscard]] EngineRequest start(const std::string& container);
[[nodiscard]] EngineRequest stop(const std::string& container, std::uint32_t grace_seconds);
[[nodiscard]] EngineRequest restart(const std::string& container, std::uint32_t grace_seconds);
/// Running or not, with its anonymous volumes.
[[nodiscard]] EngineRequest remove(const std::string& container);
[[nodiscard]] EngineRequest inspect(const std::string& container);
/// The VM's SSH host key, public half.
[[nodiscard]] EngineRequest host_key(const std::string& container);
/// The last lines of both outputs.
[[nodiscard]] EngineRequest last_logs(const std::string& container);
[[nodiscard]] EngineRequest logs(const std::string& container, const protocol::LogsSpec& spec);
/// What it has used so far. Engines up to 20.10 take a second for each.
[[nodiscard]] EngineRequest usage(const std::string& container);

/// `mark`: a word that the command and its children can be found by (hang_up).
[[nodiscard]] EngineRequest exec_create(const std::string& container, const protocol::ExecSpec& spec,
                                        const std::string& mark);
/// Sends SIGHUP to everything that carries `mark`, as a terminal does that goes
/// away; the engine itself has no way to end a command. To be started detached.
[[nodiscard]] EngineRequest hang_up(const std::string& container, const std::string& user, const std::string& mark);
[[nodiscard]] EngineRequest exec_start_detached(const std::string& exec);
/// Answered by taking the connection over (pitfalls 23).
[[nodiscard]] EngineRequest exec_start(const std::string& exec, bool tty);
[[nodiscard]] EngineRequest exec_resize(const std::string& exec, const protocol::Resize& size);
[[nodiscard]] EngineRequest exec_inspect(const std::string& exec);

}  // namespace mc::worker::engine
