#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "protocol/limits.hpp"

/// Every bound of the worker under its name. docs/operations.md "The worker's
/// limits" is the same table.
namespace mc::worker::bounds {

// Jobs.
inline constexpr std::size_t jobs_max = 4096;             ///< waiting and running; over it: busy
inline constexpr std::size_t streams_max = 256;           ///< exec, logs and tunnels at once; over it: busy
inline constexpr std::size_t creates_under_way_max = 64;  ///< the others wait, and their time has not begun
inline constexpr std::size_t creates_of_owner_max = 32;   ///< of these, of one owner's VMs: others get their turn
inline constexpr milliseconds busy_retry = 1s;            ///< when an order that was refused as busy may come again
inline constexpr std::size_t results_remembered_max = 4096;
inline constexpr milliseconds progress_interval = 500ms;  ///< of one job: a pull reports many times a second

inline constexpr std::uint32_t grace_seconds_max = 3600;
inline constexpr milliseconds save_retry = 5s;  ///< after the state could not be written

// Engine calls in flight, by lane. The heavy lane's bound is --engine-calls.
inline constexpr std::size_t engine_calls_default = 4;  ///< two cores start the most VMs per second with four at once
inline constexpr std::size_t engine_calls_max = 64;
inline constexpr std::size_t patient_calls_per_heavy = 4;  ///< stop and restart mostly wait for the VM
inline constexpr milliseconds patient_turn = 5s;           ///< one that waits longer gives its turn to the next
inline constexpr std::size_t patient_calls_max = 256;      ///< with those that wait so: each is a connection
inline constexpr std::size_t light_calls_max = 8;
inline constexpr std::size_t pulls_max = 4;
/// Engines up to 20.10 answer each of these after a second, whatever its number: so many VMs are measured per second.
inline constexpr std::size_t usage_calls_max = 64;
inline constexpr std::size_t pulls_of_owner_max = 2;  ///< for one owner's VMs: a registry may drip for an hour

// How long an engine call may take. Past it the outcome is unknown: look first.
inline constexpr milliseconds list_call_max = 10s;
inline constexpr milliseconds find_call_max = 10s;  ///< the list of one VM's containers
inline constexpr milliseconds inspect_call_max = 10s;
inline constexpr milliseconds info_call_max = 10s;
inline constexpr milliseconds create_call_max = 60s;
inline constexpr milliseconds upload_call_max = 30s;
inline constexpr milliseconds update_call_max = 30s;
inline constexpr milliseconds start_call_max = 60s;
inline constexpr milliseconds remove_call_max = 60s;
inline constexpr milliseconds stop_call_extra = 30s;  ///< on top of the grace period
inline constexpr milliseconds host_key_call_max = 10s;
inline constexpr milliseconds logs_call_max = 10s;  ///< the last lines of an exited VM; not followed logs
inline constexpr milliseconds usage_call_max = 5s;
inline constexpr milliseconds exec_call_max = 20s;
inline constexpr milliseconds image_list_call_max = 20s;  ///< the engine adds up what each image takes
inline constexpr milliseconds tunnel_open_max = 5s;       ///< until a published port takes the connection
inline constexpr milliseconds pull_idle_max = 90s;        ///< without a byte: a pull tells its progress all the time
inline constexpr milliseconds pull_sign_interval = 5s;    ///< of one that somebody asked for: where it is, news or not

// Waits between two looks.
inline constexpr milliseconds ssh_retry_min = 3ms;  ///< after the first probe in vain; then half as long again each
inline constexpr milliseconds ssh_retry = 50ms;
inline constexpr milliseconds ssh_look_interval = 500ms;  ///< while waiting for sshd: is the VM still running?
inline constexpr milliseconds ssh_probe_max = 3s;         ///< one connection, up to its host key
inline constexpr milliseconds stranger_max = 5s;          ///< another VM's sshd that answers: it may be in passing
inline constexpr milliseconds settle_time = 300ms;        ///< an image without sshd counts as running after this
inline constexpr milliseconds publish_max = 3s;           ///< a VM that runs has its port by then, or never
inline constexpr milliseconds removal_poll = 100ms;
inline constexpr milliseconds removal_retry = 500ms;
inline constexpr milliseconds engine_retry = 500ms;
inline constexpr milliseconds exec_exit_poll = 50ms;
inline constexpr milliseconds hang_up_max = 2s;  ///< for telling a command that nobody listens any more
inline constexpr int exec_exit_polls_max = 40;
inline constexpr milliseconds end_max = 2s;  ///< for a container's processes; then its removal is waited for instead
inline constexpr milliseconds visit_retry = 60s;  ///< after a container could not be visited: the engine's calls do it
inline constexpr int engine_tries_max = 4;        ///< looks at a silent or failing engine before a job gives up
inline constexpr int reconnects_max = 2;  ///< restarts of a VM whose port leads to nobody or to another VM, per job
inline constexpr int surplus_removals_max = 4;    ///< of one VM's second containers, per look
inline constexpr milliseconds tidy_up_max = 30s;  ///< after a failed create: for removing what there is

// Inventory, events and health.
inline constexpr milliseconds inventory_interval = 3s;
inline constexpr milliseconds inventory_spacing = 200ms;  ///< between two lists, however many hints there are
inline constexpr milliseconds inventory_retry = 1s;       ///< after a list that failed
inline constexpr milliseconds host_key_interval = 10s;    ///< between two looks for the key of a VM that has none
inline constexpr std::size_t detail_calls_per_round_max = 64;
inline constexpr milliseconds info_interval = 60s;
inline constexpr milliseconds network_retry = 10s;   ///< after the engine had no network for VMs
inline constexpr int network_looks_max = 3;          ///< that told nothing, in a row: then it has none
inline constexpr milliseconds engine_age_max = 12s;  ///< no list answered for this long: not ready
inline constexpr milliseconds engine_full_probation = 30s;
inline constexpr milliseconds engine_ending_max = 30s;   ///< dockerd gives its containers 15 s, then kills them
inline constexpr milliseconds leftover_grace = 10s;      ///< after its engine's end a container at rest has no process
inline constexpr milliseconds leftover_grace_max = 30s;  ///< else: the engine may be at a start that no job waits for
inline constexpr milliseconds leftover_list_age_max = 1s;  ///< of the list by which something is ended
inline constexpr milliseconds bundle_retry = 3s;           ///< containerd takes 0.2 s to remove what an ended shim had
inline constexpr milliseconds bundle_kept_max = 60s;       ///< then it is told to be somebody's to remove
inline constexpr milliseconds watch_retry = 2s;
inline constexpr milliseconds watch_call_max = 10min;  ///< then asked anew, in case the connection died silently
inline constexpr seconds watch_overlap{2};             ///< `since` has seconds only

// What VMs use, while somebody looks.
inline constexpr milliseconds usage_interval = 2s;        ///< between the beginnings of two rounds
inline constexpr milliseconds usage_first_interval = 1s;  ///< while a VM has no rates yet
inline constexpr milliseconds usage_span_max = 120s;      ///< two samples that are further apart make no rate

// The end of the process. docs/operations.md "Stopping and restarting".
inline constexpr milliseconds stop_max = 3s;  ///< for jobs under way after SIGTERM
inline constexpr milliseconds stop_turn_max = 100ms;
inline constexpr seconds stop_alarm{4};  ///< gone by then, whatever hangs

// Session.
inline constexpr milliseconds register_retry_min = 50ms;  ///< the first goes out before the connection stands
inline constexpr milliseconds register_retry_max = 1s;
inline constexpr milliseconds register_refused_retry = 5s;

// Streams.
inline constexpr std::uint32_t input_window_bytes = 1024 * 1024;
inline constexpr std::size_t output_buffer_pause_bytes = 256 * 1024;  ///< above: stop reading from the engine
inline constexpr std::size_t output_buffer_resume_bytes = 64 * 1024;

// What the engine sends.
inline constexpr std::size_t line_bytes_max = 256 * 1024;  ///< one line of an event or pull stream
inline constexpr std::size_t layers_max = 256;             ///< of an image being pulled, for its percentage
inline constexpr std::size_t last_words_bytes_max = 600;   ///< log lines quoted in an error

// Containers kept started for VMs to come. docs/operations.md "VMs in milliseconds".
inline constexpr std::size_t pool_max = 32;             ///< of one image
inline constexpr std::size_t pool_images_max = 2;       ///< the default one, and another that is asked for
inline constexpr milliseconds pool_rest = 300ms;        ///< after the last create: who makes several goes first
inline constexpr milliseconds pool_image_kept = 30min;  ///< after the last create that named it
inline constexpr milliseconds pool_retry_min = 30s;     ///< after one could not be made; doubled each time
inline constexpr milliseconds pool_retry_max = 1h;
static_assert(pool_max * pool_images_max <= limits::spares_max);

// Defaults of a node's capacity.
inline constexpr std::uint32_t slots_per_core = 32;
inline constexpr std::uint64_t memory_per_slot = 256ULL << 20;
inline constexpr std::uint32_t slots_min = 4;
inline constexpr std::uint32_t slots_max = 1000;

}  // namespace mc::worker::bounds
