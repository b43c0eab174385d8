#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "sim/world.hpp"
#include "worker/core/effects.hpp"

namespace mc::sim {

enum class ContainerState : std::uint8_t { created, running, exited, removing, dead };

/// One container of one engine.
struct Container {
    std::string id;
    std::string name;
    std::map<std::string, std::string> labels;
    VmId vm;
    std::string request;  ///< of the label
    std::string image;
    ContainerState state = ContainerState::created;
    bool exposes_ssh = false;
    bool kept_apart = true;  ///< by its network, from the engine's other containers
    std::uint16_t port = 0;
    int exit_code = 0;
    std::int64_t created_unix_ms = 0;
    std::int64_t started_unix_ms = 0;
    Moment start_answered{};        ///< the last one, however: Docker begins with the next one then, not before
    Moment ssh_at = Moment::max();  ///< from when on sshd answers
    Moment unrenamed_until{};       ///< between a worker's look and its create: ADR 9, "Consequences"
    bool other_answers = false;     ///< at its port: another VM's sshd, at once
    int pid = 0;                    ///< of its first process; another one at each start
    bool spare = false;             ///< made before there was a VM for it, says its label
    std::string host_name;
    std::string keys;  ///< in its authorized_keys
    std::uint64_t memory_bytes = 0;
    bool stranger = false;  ///< somebody else's: without our labels
    bool copy = false;      ///< with our labels, and made by somebody else
};

/// What the checkers are told by engines.
struct EngineObserver {
    virtual ~EngineObserver() = default;
    virtual void container_created(const std::string& engine, const Container& container) = 0;
    virtual void container_stopped(const Container& container, bool by_itself) = 0;
    /// A spare got a VM's name and keys.
    virtual void container_given(const std::string& engine, const Container& container) = 0;
    /// Somebody asked the engine for it; container_removed() comes when it is done, if it ever is.
    virtual void removal_begun(const Container& container) = 0;
    /// `by_fault`: behind everybody's back.
    virtual void container_removed(const std::string& engine, const Container& container, bool by_fault) = 0;
    /// Somebody made a container with our labels for a VM that there never was.
    virtual void orphan_made(VmId vm) = 0;
    /// A worker did something to a container that is not ours.
    virtual void stranger_touched(const Container& container, const std::string& what) = 0;
};

/// How an engine is at the moment; faults change it.
struct EngineMood {
    bool hung = false;
    bool failing = false;
    bool full = false;
    std::uint64_t slowness = 1;
    std::uint64_t lost_answers_per_mille = 0;
    std::uint64_t stuck_removals_per_mille = 0;
    std::uint64_t taken_ports_per_mille = 0;
    std::uint64_t silent_ssh_per_mille = 0;
    std::uint64_t others_answer_per_mille = 0;
    std::uint64_t failing_visits_per_mille = 0;
    std::uint64_t exits_at_start_per_mille = 0;
    std::uint64_t failing_pulls_per_mille = 0;
    std::uint64_t squatted_names_per_mille = 0;
};

/// A Docker engine as its HTTP API shows it (v1.41), with the ways it fails.
///
/// Its containers outlive the daemon; its calls do not. A call that its client
/// gave up is carried out all the same.
class Engine {
public:
    struct Call {
        worker::EngineRequest request;
        std::function<void(worker::CallResult)> on_done;
        std::function<void(std::string_view)> on_chunk;
        std::uint64_t number = 0;
        Moment asked{};
        bool cancelled = false;
        bool ended = false;
    };
    using CallPtr = std::shared_ptr<Call>;
    struct Stream {
        std::function<void()> on_opened;
        std::function<void(std::string_view)> on_bytes;
        std::function<void(Result<void>)> on_closed;
        std::uint64_t number = 0;
        bool cancelled = false;
        bool ended = false;
        std::string exec;
    };
    using StreamPtr = std::shared_ptr<Stream>;

    /// What a request asks, taken apart.
    struct Operation {
        std::string verb;       ///< e.g. "create", "inspect"
        std::string container;  ///< id or name
        std::string query;
    };
    static Operation parse(const worker::EngineRequest& request);

    Engine(World& world, std::string name, EngineObserver& observer);
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    EngineMood mood;

    void start(CallPtr call);
    void open_stream(StreamPtr stream, const worker::EngineRequest& request);
    /// As a worker on the same machine does.
    worker::VisitResult personalise(const worker::PersonaliseVm& visit);
    /// As a worker on the same machine does. `done`, when an answer is not returned at once.
    std::optional<Result<void>> end_vm(const worker::EndVm& visit, std::function<void(Result<void>)> done);
    /// The host key of the sshd that answers there.
    [[nodiscard]] std::optional<std::string> host_key_at(std::uint16_t port) const;

    // Faults. False: there was nothing to do it to.
    void restart_daemon(milliseconds down, bool live_restore);
    /// As soon as it is at a start.
    void kill_in_next_start(milliseconds down, bool live_restore) { kill_in_start_ = {down, live_restore}; }
    bool kill_some_container();
    bool remove_some_container();
    bool rename_some_container();
    /// With its labels; `as_orphan`: but for the VM's.
    bool copy_some_container(bool as_orphan);
    /// The machine ends, with all that runs on it.
    void power_off(milliseconds time);
    void un_hang();
    /// As a worker on the same machine does.
    void end_leftovers(const worker::EndLeftovers& what);
    void forget_image() { images_.erase("alpine:3"); }
    [[nodiscard]] bool is_down() const { return down_; }

    [[nodiscard]] const std::map<std::string, Container>& containers() const { return containers_; }
    [[nodiscard]] const std::string& name() const { return name_; }
    /// What runs, and the daemon knows nothing of: by container, since when.
    [[nodiscard]] const std::map<std::string, Moment>& leftovers() const { return leftovers_; }
    [[nodiscard]] std::size_t calls_open() const { return calls_.size(); }

private:
    /// Not by address: the order must be the same in every run.
    struct ByNumber {
        bool operator()(const auto& a, const auto& b) const { return a->number < b->number; }
    };
    using Answer = worker::EngineResponse;

    [[nodiscard]] milliseconds latency(const Operation& operation);
    void begin(const CallPtr& call, const Operation& operation);
    /// At the latest `at`; a stop as soon as its container has ended.
    void carry_out(const CallPtr& call, const Operation& operation, Moment at);
    void apply(const CallPtr& call, const Operation& operation);
    void finish(const CallPtr& call, worker::CallResult result, milliseconds after);
    void park(std::function<void()> task) { parked_.push_back(std::move(task)); }

    Answer perform(const CallPtr& call, const Operation& operation);
    Answer network(const std::string& word);
    Answer list(const std::string& query);
    Answer inspect(const Operation& operation);
    Answer create(const worker::EngineRequest& request, const Operation& operation);
    Answer start_container(const Operation& operation);
    Answer stop(const Operation& operation, bool restart);
    Answer remove(const CallPtr& call, const Operation& operation);
    Answer exec_create(const Operation& operation);
    void pull(const CallPtr& call, const Operation& operation);
    void logs(const CallPtr& call, const Operation& operation);
    void subscribe(const CallPtr& call);

    Container* find(const std::string& id_or_name);
    /// The one that runs with that first process.
    Container* find_running(const std::string& id, int pid);
    /// As find, for a call that changes something: strangers are not to be touched.
    Container* find_to_change(const Operation& operation);
    [[nodiscard]] std::vector<std::string> of_vms(bool running) const;
    [[nodiscard]] bool has_copy(VmId vm) const;
    void squat(const std::string& name, const worker::EngineRequest& create);
    void end_process_of(const std::string& id, milliseconds age_min);
    /// What is left of those that the daemon was killed in.
    void leave_starts_behind();
    bool run(Container& container);
    void end(Container& container, int exit_code, bool by_itself, const char* action);
    void erase(const std::string& id, bool by_fault);
    void end_followers(const std::string& container);
    void tell(const char* action, const Container& container);
    [[nodiscard]] std::string describe(const Container& container) const;

    World& world_;
    Dice dice_;
    std::string name_;
    EngineObserver& observer_;
    bool bridge_isolates_ = true;
    bool has_network_ = false;  ///< the one that workers make
    bool down_ = false;
    std::optional<std::pair<milliseconds, bool>> kill_in_start_;  ///< for how long, with live-restore
    std::uint64_t daemon_ = 0;  ///< raised with every restart: what the old one was at never ends
    std::uint64_t last_id_ = 0;
    int last_pid_ = 0;
    std::uint64_t last_number_ = 0;
    std::map<std::string, Container> containers_;
    std::map<std::string, std::string> by_name_;
    std::map<std::string, Moment> leftovers_;
    std::set<std::string> reserved_;  ///< names of creates under way
    std::set<std::string> images_{"minicloud/vm:latest", "plain:1"};
    std::set<CallPtr, ByNumber> calls_;
    std::vector<CallPtr> watchers_;
    std::vector<std::pair<std::string, CallPtr>> followers_;  ///< by container
    std::set<StreamPtr, ByNumber> streams_;
    std::map<std::string, std::pair<bool, int>> execs_;  ///< running, exit code
    std::vector<std::function<void()>> parked_;
    std::map<std::string, Moment> looked_for_;  ///< when a VM's container was last listed
    std::map<std::string, std::vector<std::pair<std::string, std::string>>> filters_;  ///< parsed queries
};

}  // namespace mc::sim
