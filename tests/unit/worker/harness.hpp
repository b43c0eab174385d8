#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"
#include "unit/worker/fake_engine.hpp"
#include "worker/core/worker_core.hpp"

namespace mc::worker {

/// A WorkerCore between a played broker and a FakeEngine, on a clock that only
/// moves when told. Calls are answered at once unless the engine lets them hang.
class Harness {
public:
    static constexpr CloudId cloud{0xC1};
    static constexpr NodeId node{0x0D};
    static constexpr VmId vm{0xAB};

    /// `prepare`: how the engine is before the worker's start.
    explicit Harness(bool registered = true, Settings with = settings(),
                     const std::function<void(FakeEngine&)>& prepare = nullptr)
        : core(std::move(with), WorkerState{node, cloud, Epoch{5}}) {
        if (prepare) prepare(engine);
        core.begin(now);
        settle();
        if (registered) {
            answer_registration();
            sent.clear();
        }
    }

    static Settings settings() {
        Settings s;
        s.name = "node-a";
        s.boot = BootId{77};
        s.version = "test";
        s.advertise = "192.0.2.9";
        s.probe_host = "127.0.0.1";
        s.port_host_ip = "0.0.0.0";
        s.engine = "unix:///fake.sock";
        return s;
    }

    // The broker's side.

    void answer_registration(Epoch epoch = Epoch{5}, CloudId of = cloud) {
        const auto asked = last(protocol::Verb::node_register, protocol::Kind::request);
        ASSERT_TRUE(asked);
        protocol::RegisterReply body{.cloud = of, .epoch = epoch, .version = "test"};
        protocol::Message message;
        message.header = asked->header;
        message.header.kind = protocol::Kind::reply;
        message.body = protocol::encode(body);
        deliver(message);
    }
    void deliver(const protocol::Message& message) {
        core.on_broker_message(now, message);
        settle();
    }
    void broker_heartbeat() {
        protocol::Message message;
        message.header.kind = protocol::Kind::notice;
        message.header.verb = protocol::Verb::node_heartbeat;
        message.header.sequence = settled;
        message.body = protocol::encode(protocol::Heartbeat{Epoch{5}, BootId{77}, {}, usage_wanted, interval_ms});
        deliver(message);
    }
    static protocol::CreateOrder create_order(const std::string& image = "minicloud/vm:latest") {
        protocol::CreateOrder order;
        order.epoch = Epoch{5};
        order.vm = vm;
        order.request = RequestId{1, 2};
        order.owner = "ann";
        order.spec.name = "vm-1";
        order.spec.image = image;
        order.spec.cpus_milli = 1500;
        order.spec.memory_bytes = 512ULL << 20;
        order.spec.pids = 512;
        order.spec.authorized_keys = {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA ann"};
        return order;
    }
    JobId order(protocol::Verb verb, protocol::Bytes body, protocol::Bytes data = {}, std::uint32_t deadline_ms = 0,
                std::optional<JobId> again = std::nullopt) {
        const JobId id = again.value_or(JobId{5, ++last_job_});
        protocol::Message message;
        message.header.kind = protocol::Kind::request;
        message.header.verb = verb;
        message.header.id = protocol::as_request_id(id);
        message.header.value = deadline_ms;
        message.body = std::move(body);
        message.data = std::move(data);
        deliver(message);
        return id;
    }
    JobId create(const protocol::CreateOrder& body = create_order(), std::uint32_t deadline_ms = 0) {
        return order(protocol::Verb::vm_create, protocol::encode(body), {}, deadline_ms);
    }
    JobId act(protocol::Verb verb, VmId of = vm, Epoch epoch = Epoch{5}) {
        return order(verb, protocol::encode(protocol::VmOrder{.epoch = epoch, .vm = of, .grace_seconds = 3}));
    }
    JobId exec(const protocol::ExecSpec& spec, std::uint32_t window) {
        return order(protocol::Verb::vm_exec,
                     protocol::encode(protocol::StreamOrder{.epoch = Epoch{5}, .vm = vm, .window_bytes = window}),
                     protocol::encode(spec));
    }
    void cancel(JobId id) { order(protocol::Verb::job_cancel, {}, {}, 0, id); }
    void peer(JobId id, protocol::Kind kind, std::uint32_t value = 0, std::uint32_t sequence = 0,
              const std::string& data = {}, const std::string& body = {}) {
        protocol::Message message;
        message.header.kind = kind;
        message.header.verb = protocol::Verb::vm_exec;
        message.header.id = protocol::as_request_id(id);
        message.header.value = value;
        message.header.sequence = sequence;
        message.body = body;
        message.data = data;
        deliver(message);
    }

    // What the worker said.

    [[nodiscard]] std::optional<protocol::Message> last(protocol::Verb verb, protocol::Kind kind) const {
        for (auto at = sent.rbegin(); at != sent.rend(); ++at) {
            if (at->header.verb == verb && at->header.kind == kind) return *at;
        }
        return std::nullopt;
    }
    [[nodiscard]] std::vector<protocol::Message> all(JobId id, protocol::Kind kind) const {
        std::vector<protocol::Message> found;
        for (const auto& message : sent) {
            if (message.header.kind == kind && message.header.id == protocol::as_request_id(id))
                found.push_back(message);
        }
        return found;
    }
    [[nodiscard]] std::optional<protocol::Message> reply(JobId id) const {
        const auto replies = all(id, protocol::Kind::reply);
        return replies.empty() ? std::nullopt : std::optional(replies.back());
    }
    /// `internal` while there is no reply.
    [[nodiscard]] ErrorCode code(JobId id) const {
        const auto message = reply(id);
        return message ? message->header.code : ErrorCode::internal;
    }
    [[nodiscard]] std::string sentence(JobId id) const {
        const auto message = reply(id);
        return message ? protocol::decode<protocol::ErrorBody>(message->body)->message : "no reply";
    }
    [[nodiscard]] protocol::VmReport report(JobId id) const {
        const auto message = reply(id);
        return message ? protocol::decode<protocol::VmReport>(message->body).value_or(protocol::VmReport{})
                       : protocol::VmReport{};
    }
    [[nodiscard]] std::vector<std::string> stages(JobId id) const {
        std::vector<std::string> words;
        for (const auto& message : all(id, protocol::Kind::progress)) {
            words.push_back(protocol::decode<protocol::Progress>(message.body)->stage);
        }
        return words;
    }
    [[nodiscard]] std::optional<protocol::Inventory> inventory() const {
        const auto message = last(protocol::Verb::node_inventory, protocol::Kind::notice);
        if (!message) return std::nullopt;
        return *protocol::decode<protocol::Inventory>(message->body);
    }
    [[nodiscard]] int count(protocol::Verb verb) const {
        int n = 0;
        for (const auto& message : sent) n += message.header.verb == verb ? 1 : 0;
        return n;
    }
    [[nodiscard]] FakeEngine::Container* container(VmId of = vm) {
        const auto found = engine.containers.find(container_name(of));
        return found == engine.containers.end() ? nullptr : &found->second;
    }

    // Time and the engine's side.

    /// Moves the clock, stopping at every deadline of the core. The broker beats along.
    void advance(milliseconds by, bool broker_alive = true) {
        const Instant end = now.instant + by;
        while (true) {
            const Instant next = std::min(end, std::max(core.next_deadline(), now.instant + 1ms));
            const milliseconds step = next - now.instant;
            now.instant = next;
            now.wall.unix_ms += step.count();
            if (broker_alive && now.instant - beaten_ >= std::max<milliseconds>(1s, milliseconds(interval_ms))) {
                beaten_ = now.instant;
                broker_heartbeat();
            }
            core.on_tick(now);
            settle();
            if (now.instant >= end) return;
        }
    }
    /// Carries out effects until there are none.
    void settle() {
        for (auto effects = core.take_effects(); !effects.empty(); effects = core.take_effects()) {
            for (auto& effect : effects) {
                std::visit([this](auto& one) { carry_out(one); }, effect);
            }
        }
    }
    /// Answers a hanging call whose target has `part` in it.
    void release(const std::string& part, CallResult result) {
        for (const auto& [id, request] : hanging) {
            if (request.target.find(part) == std::string::npos) continue;
            const CallId found = id;
            hanging.erase(found);
            core.on_call_done(now, found, std::move(result));
            return settle();
        }
        FAIL() << "no call to " << part << " hangs";
    }
    /// Lets the engine answer a hanging call as it would have.
    void release(const std::string& part) {
        for (const auto& [id, request] : hanging) {
            if (request.target.find(part) == std::string::npos) continue;
            const CallId found = id;
            engine.intercept = nullptr;
            const auto answer = engine.answer(request);
            hanging.erase(found);
            core.on_call_done(now, found, *answer);
            return settle();
        }
        FAIL() << "no call to " << part << " hangs";
    }
    void chunk(const std::string& part, const std::string& bytes) {
        for (const auto& [id, request] : hanging) {
            if (request.target.find(part) == std::string::npos) continue;
            core.on_call_chunk(now, id, bytes);
            return settle();
        }
        FAIL() << "no call to " << part << " hangs";
    }
    [[nodiscard]] bool hangs(const std::string& part) const {
        for (const auto& [id, request] : hanging) {
            if (request.target.find(part) != std::string::npos) return true;
        }
        return false;
    }
    /// From now on every request with `part` in its target gets this answer; nullopt = hangs.
    void when(const std::string& method, const std::string& part, FakeEngine::Answer answer) {
        engine.intercept = [=](const EngineRequest& request) -> std::optional<FakeEngine::Answer> {
            if (request.method != method || request.target.find(part) == std::string::npos) return std::nullopt;
            return answer;
        };
    }
    /// As `when`, but only the first `times` times.
    void when(const std::string& method, const std::string& part, FakeEngine::Answer answer, int times) {
        engine.intercept = [=,
                            left = times](const EngineRequest& request) mutable -> std::optional<FakeEngine::Answer> {
            if (request.method != method || request.target.find(part) == std::string::npos || left-- <= 0) {
                return std::nullopt;
            }
            return answer;
        };
    }
    /// What a probe finds at a VM that FakeEngine runs.
    static ProbeResult own_sshd() { return ProbeResult::answered("ssh-ed25519 AAAAkey"); }
    static ProbeResult another_vms_sshd() { return ProbeResult::answered("ssh-ed25519 AAAAother"); }
    static CallResult timed_out() { return fail(ErrorCode::deadline_exceeded, "the engine took too long"); }
    static CallResult refused() { return fail(ErrorCode::engine_unreachable, "connection refused"); }
    static std::string frame(int channel, const std::string& text) {
        std::string out{static_cast<char>(channel), 0, 0, 0};
        for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>((text.size() >> shift) & 0xFF));
        return out + text;
    }

    Now now{Instant{1'000'000ms}, WallTime{1'795'000'000'000}};
    FakeEngine engine;
    WorkerCore core;
    std::vector<protocol::Message> sent;
    std::map<CallId, EngineRequest> hanging;
    std::vector<WorkerState> saved;
    int reconnects = 0;
    bool usage_wanted = false;
    std::uint32_t interval_ms = 0;  ///< as the broker's heartbeats say
    std::uint32_t settled = 0;      ///< the inventory that the broker's heartbeats name
    ProbeResult probe = own_sshd();
    int probes = 0;
    std::optional<StreamId> open_stream;
    std::string dialled;  ///< HOST:PORT, the last one
    std::string written;
    bool write_closed = false;
    bool stream_closed = false;
    int pauses = 0;
    int resumes = 0;
    Result<void> visit;  ///< what comes of giving a container a name and keys
    std::vector<PersonaliseVm> visits;
    std::optional<Result<void>> ends = Result<void>();  ///< what comes of ending a container; nullopt = nothing yet
    std::vector<EndVm> ended;
    std::vector<Leftover> leftovers;
    std::vector<Unlisted> unlisted;
    std::vector<std::string> logged;

private:
    void carry_out(SendBroker& e) { sent.push_back(std::move(e.message)); }
    void carry_out(ReconnectBroker&) { ++reconnects; }
    void carry_out(StartCall& e) {
        engine.unix_ms = now.wall.unix_ms;
        auto answer = engine.answer(e.request);
        if (!answer) {
            hanging[e.id] = e.request;
            return;
        }
        if (e.request.target.find("/images/create") != std::string::npos && *answer && (*answer)->status == 200) {
            core.on_call_chunk(now, e.id, engine.pull_stream);
        }
        core.on_call_done(now, e.id, std::move(*answer));
    }
    void carry_out(CancelCall& e) { hanging.erase(e.id); }
    void carry_out(PauseCall&) { ++pauses; }
    void carry_out(ResumeCall&) { ++resumes; }
    void carry_out(OpenStream& e) { open_stream = e.id; }
    void carry_out(DialStream& e) {
        open_stream = e.id;
        dialled = e.host + ":" + std::to_string(e.port);
    }
    void carry_out(WriteStream& e) { written += e.bytes; }
    void carry_out(CloseWrite&) { write_closed = true; }
    void carry_out(CloseStream&) { stream_closed = true; }
    void carry_out(PauseStream&) { ++pauses; }
    void carry_out(ResumeStream&) { ++resumes; }
    void carry_out(PersonaliseVm& e) {
        visits.push_back(e);
        for (auto& [name, container] : engine.containers) {
            if (container.id != e.container || !visit) continue;
            if (!e.host_name.empty()) container.host_name = e.host_name;
            for (const auto& file : e.files) container.files.push_back(file);
        }
        const std::string content = e.read == host_key_file && !engine.host_key.empty() ? engine.host_key + "\n" : "";
        core.on_personalised(now, e.id, visit ? VisitResult(content) : fail(visit.error()));
    }
    void carry_out(EndVm& e) {
        ended.push_back(e);
        if (!ends) return;
        for (auto& [name, container] : engine.containers) {
            if (container.id == e.container && *ends) container.state = "exited";
        }
        core.on_vm_ended(now, e.id, *ends);
    }
    void carry_out(StartProbe& e) {
        ++probes;
        core.on_probe_done(now, e.id, probe);
    }
    void carry_out(CancelProbe&) {}
    void carry_out(EndLeftovers& e) {
        leftovers.insert(leftovers.end(), e.leftovers.begin(), e.leftovers.end());
        if (e.unlisted) unlisted.push_back(*e.unlisted);
    }
    void carry_out(SaveState& e) { saved.push_back(e.state); }
    void carry_out(Log& e) { logged.push_back(e.text); }

    Instant beaten_;
    std::uint64_t last_job_ = 0;
};

}  // namespace mc::worker
