#pragma once

#include <unistd.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/clock.hpp"
#include "io/poller.hpp"
#include "io/random.hpp"
#include "io/ssh_probe.hpp"
#include "io/zmq.hpp"
#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"
#include "protocol/worker_bodies.hpp"
#include "worker/shell/state_file.hpp"
#include "worker/shell/worker_options.hpp"
#include "worker/shell/worker_shell.hpp"

namespace mc::worker {

/// A bare ROUTER that plays the broker, and a real worker beside it, both turned
/// by the same thread.
class Bench {
public:
    static constexpr const char* image = "minicloud/vm:latest";

    explicit Bench(std::string name = "it-node", CloudId of = CloudId{io::random_u64() | 1})
        : cloud(of), router_(io::Socket::router(context_)) {
        static_cast<void>(router_.bind("tcp://127.0.0.1:*"));
        state_dir_ = std::filesystem::temp_directory_path() /
                     ("mc-it-" + std::to_string(getpid()) + "-" + to_hex(io::random_u64()));
        std::filesystem::create_directories(state_dir_);
        settings_.name = std::move(name);
        settings_.version = "test";
        settings_.advertise = settings_.probe_host = settings_.port_host_ip = "127.0.0.1";
        settings_.engine = engine_.str();
        start_worker();
    }
    ~Bench() {
        for (const VmId vm : made_) remove_container(vm);
        worker.reset();
        std::error_code ignored;
        std::filesystem::remove_all(state_dir_, ignored);
    }

    /// Also a second time: the same worker after a restart.
    void start_worker() {
        auto state = load_state(state_dir_);
        static_cast<void>(save_state(state_dir_, *state));
        node = state->node;
        settings_.boot = BootId{io::random_u64() | 1};
        registered = false;
        peer_.clear();
        inventory.reset();
        worker = std::make_unique<WorkerShell>(
            context_, poller_, WorkerShell::Places{router_.last_endpoint(), engine_, state_dir_}, settings_, *state);
        static_cast<void>(worker->begin());
    }

    /// Turns both until `done` or the time is over.
    bool until(const std::function<bool()>& done, milliseconds max = 30s) {
        const Instant end = io::read_clock().instant + max;
        while (!done()) {
            if (io::read_clock().instant >= end) return false;
            if (worker) worker->turn(5ms);
            drain();
            beat();
        }
        return true;
    }

    JobId order(protocol::Verb verb, protocol::Bytes body, protocol::Bytes data = {},
                std::optional<JobId> again = std::nullopt) {
        protocol::Message message;
        const JobId id = again.value_or(JobId{epoch.value, ++last_job_});
        message.header.kind = protocol::Kind::request;
        message.header.verb = verb;
        message.header.id = protocol::as_request_id(id);
        message.header.value = 60000;
        message.body = std::move(body);
        message.data = std::move(data);
        send(message);
        return id;
    }
    void send(const protocol::Message& message) {
        std::vector<std::string> frames = protocol::to_frames(message);
        frames.insert(frames.begin(), peer_);
        static_cast<void>(router_.send(frames));
    }

    JobId create(VmId vm, const std::string& name, std::vector<std::string> keys = {}, std::string of = image) {
        made_.push_back(vm);
        protocol::CreateOrder body;
        body.epoch = epoch;
        body.vm = vm;
        body.request = RequestId{1, vm.value};
        body.owner = "tester";
        body.spec.name = name;
        body.spec.image = std::move(of);
        body.spec.cpus_milli = 500;
        body.spec.memory_bytes = 128ULL << 20;
        body.spec.pids = 256;
        body.spec.authorized_keys = std::move(keys);
        return order(protocol::Verb::vm_create, protocol::encode(body));
    }
    JobId act(protocol::Verb verb, VmId vm) {
        protocol::VmOrder body;
        body.epoch = epoch;
        body.vm = vm;
        body.grace_seconds = 5;
        return order(verb, protocol::encode(body));
    }
    JobId exec(VmId vm, const protocol::ExecSpec& spec, std::uint32_t window = limits::window_bytes_default) {
        protocol::StreamOrder body;
        body.epoch = epoch;
        body.vm = vm;
        body.window_bytes = window;
        return order(protocol::Verb::vm_exec, protocol::encode(body), protocol::encode(spec));
    }

    /// The one that the SSH server at a port of this machine shows.
    static Result<std::string> host_key_at(std::uint16_t port) {
        io::Poller poller;
        io::SshProbe prober(poller);
        std::optional<Result<std::string>> shown;
        prober.start({1}, "127.0.0.1", port, 10s, [&](Result<std::string> key) { shown = std::move(key); });
        while (!shown) poller.wait(1s);
        return *shown;
    }

    /// The reply to a job, once it is there.
    [[nodiscard]] const protocol::Message* reply(JobId id) const {
        for (const auto& message : received) {
            if (message.header.kind == protocol::Kind::reply && message.header.id == protocol::as_request_id(id)) {
                return &message;
            }
        }
        return nullptr;
    }
    const protocol::Message* wait_reply(JobId id, milliseconds max = 60s) {
        until([&] { return reply(id) != nullptr; }, max);
        return reply(id);
    }
    /// What a reply that is not ok says.
    static std::string sentence(const protocol::Message& message) {
        const auto body = protocol::decode<protocol::ErrorBody>(message.body);
        return body ? body->message : "?";
    }
    /// All data of one channel of a stream, in order.
    [[nodiscard]] std::string output(JobId id, protocol::Channel channel) const {
        std::string all;
        for (const auto& message : received) {
            if (message.header.kind == protocol::Kind::data && message.header.id == protocol::as_request_id(id) &&
                message.header.value == static_cast<std::uint32_t>(channel)) {
                all += message.data;
            }
        }
        return all;
    }

    static int shell(const std::string& command) { return std::system(command.c_str()); }
    static void remove_container(VmId vm) { shell("docker rm -f -v mc-" + vm.str() + " >/dev/null 2>&1"); }
    static bool engine_has(const std::string& what) {
        return shell("docker inspect " + what + " >/dev/null 2>&1") == 0;
    }

    io::EngineEndpoint engine_ = *io::EngineEndpoint::choose("");
    CloudId cloud;
    NodeId node;
    Epoch epoch{1};
    bool registered = false;
    bool silent = false;  ///< says nothing, not even heartbeats
    int registrations = 0;
    std::optional<protocol::Heartbeat> heartbeat;
    std::optional<protocol::Inventory> inventory;
    std::vector<protocol::Message> received;
    std::unique_ptr<WorkerShell> worker;

private:
    void drain() {
        while (auto frames = router_.receive()) {
            const std::string from = std::move(frames->front());
            frames->erase(frames->begin());
            auto message = protocol::from_frames(*frames);
            if (!message || silent) continue;
            // As a broker does: what an earlier worker has sent may come after it has gone.
            if (message->header.verb != protocol::Verb::node_register && from != peer_) continue;
            if (message->header.verb == protocol::Verb::node_register) {
                peer_ = from;
                ++registrations;
                registered = true;
                protocol::RegisterReply body{.cloud = cloud, .epoch = epoch, .version = "test"};
                protocol::Message answer;
                answer.header = message->header;
                answer.header.kind = protocol::Kind::reply;
                answer.body = protocol::encode(body);
                send(answer);
            } else if (message->header.verb == protocol::Verb::node_heartbeat) {
                heartbeat = *protocol::decode<protocol::Heartbeat>(message->body);
            } else if (message->header.verb == protocol::Verb::node_inventory) {
                inventory = *protocol::decode<protocol::Inventory>(message->body);
            } else {
                received.push_back(std::move(*message));
            }
        }
    }
    void beat() {
        const Instant now = io::read_clock().instant;
        if (silent || peer_.empty() || now - beaten_ < 1s) return;
        beaten_ = now;
        protocol::Message message;
        message.header.kind = protocol::Kind::notice;
        message.header.verb = protocol::Verb::node_heartbeat;
        protocol::Heartbeat body;
        body.epoch = epoch;
        message.body = protocol::encode(body);
        send(message);
    }

    io::Context context_;
    io::Poller poller_;
    io::Socket router_;
    std::filesystem::path state_dir_;
    Settings settings_;
    std::string peer_;
    Instant beaten_;
    std::uint64_t last_job_ = 0;
    std::vector<VmId> made_;
};

}  // namespace mc::worker
