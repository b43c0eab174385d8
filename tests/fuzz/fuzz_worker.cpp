// The worker's core under any sequence of orders, engine answers, stream bytes and times.
//
// Goal: nothing that the broker, the engine or a VM says ends it; whatever it says can be read; it never
// removes or changes a container that is not its own.
#include "fuzz/feed.hpp"
#include "protocol/image_bodies.hpp"
#include "unit/worker/harness.hpp"

namespace {

using namespace mc;
using namespace mc::protocol;
using fuzz::Feed;
using fuzz::require;
using worker::CallResult;
using worker::Harness;

constexpr std::size_t steps_max = 200;
const std::vector<ErrorCode> call_errors{ErrorCode::engine_unreachable, ErrorCode::engine_failed,
                                         ErrorCode::deadline_exceeded};
const std::vector<Verb> orders{Verb::vm_start,  Verb::vm_stop,    Verb::vm_restart,
                               Verb::vm_remove, Verb::vm_inspect, Verb::vm_tunnel};

class Run {
public:
    explicit Run(Feed& feed) : feed_(feed) {
        // Somebody else's, under a name that a VM of ours would have.
        stranger_.id = "5712a6e5";
        stranger_.name = worker::container_name(Harness::vm);
        stranger_.spec = {{"Image", "theirs"}, {"Labels", nlohmann::json::object()}};
        stranger_.state = "running";
        if (feed_.yes()) harness_.engine.containers[stranger_.name] = stranger_;
        harness_.engine.intercept = [this](const worker::EngineRequest& request) { return answer(request); };
    }

    void step() {
        switch (feed_.below(16)) {
            case 0:
            case 1:
                return harness_.advance(milliseconds(100 * (1 + feed_.below(50))), feed_.below(4) != 0);
            case 2:
                return harness_.deliver({feed_.header(), feed_.body(), feed_.bytes(64)});
            case 3:
            case 4:
                return create();
            case 5:
            case 6:
                jobs_.push_back(harness_.act(feed_.one_of(orders), some_vm(), Epoch{4 + feed_.below(3)}));
                return;
            case 7:
                return feed_.below(4) == 0 ? images() : exec();
            case 8:
                return harness_.cancel(some_job());
            case 9:
                return harness_.peer(some_job(), static_cast<Kind>(1 + feed_.below(8)), feed_.number(),
                                     static_cast<std::uint32_t>(feed_.below(3)), feed_.bytes(64), feed_.body());
            case 10:
                return release();
            case 11:
                return stream();
            case 12:
                harness_.probe =
                    feed_.yes() ? worker::ProbeResult::silent() : worker::ProbeResult::answered(feed_.bytes(40));
                harness_.engine.exits_at_start = feed_.yes();
                harness_.engine.pull_brings_image = feed_.yes();
                harness_.usage_wanted = feed_.yes();
                harness_.engine.pull_stream = feed_.bytes(80);
                return;
            case 13:
                if (feed_.yes()) return harness_.core.on_save_failed(harness_.now, {ErrorCode::io_failed, "full"});
                return harness_.core.on_broker_garbage(harness_.now, feed_.id(), {ErrorCode::bad_message, "what"});
            case 14:
                return by_hand();
            default:
                if (feed_.below(8) == 0) harness_.core.begin_stop(harness_.now);
                return harness_.settle();
        }
    }

    void look() {
        for (const auto& message : harness_.sent) {
            require(message.body.size() <= limits::message_bytes_max);
            require(decode_header(encode_header(message.header)) == message.header);
            const bool refused = message.header.kind == Kind::reply && message.header.value == 1;
            require(!refused || decode<ErrorBody>(message.body).has_value());
        }
        harness_.sent.clear();
        harness_.logged.clear();
        harness_.saved.clear();
        const auto found = harness_.engine.containers.find(stranger_.name);
        if (found == harness_.engine.containers.end() || found->second.id != stranger_.id) return;
        require(found->second.state == "running" && found->second.starts == 0 && found->second.files.empty());
    }

private:
    std::optional<worker::FakeEngine::Answer> answer(const worker::EngineRequest& request) {
        if (request.target.find(stranger_.id) != std::string::npos) require(request.method == "GET");
        switch (feed_.below(12)) {
            case 0:
                return CallResult(fail(feed_.one_of(call_errors), "broken"));
            case 1:
                return worker::FakeEngine::Answer(std::nullopt);
            case 2: {
                worker::EngineResponse response;
                response.status = static_cast<int>(100 + feed_.below(500));
                response.body = feed_.bytes(200);
                return CallResult(response);
            }
            default:
                return std::nullopt;
        }
    }

    VmId some_vm() { return feed_.below(4) == 0 ? VmId{feed_.below(3)} : Harness::vm; }
    JobId some_job() { return jobs_.empty() || feed_.below(8) == 0 ? JobId{5, feed_.below(9)} : feed_.one_of(jobs_); }

    void create() {
        auto order = Harness::create_order(feed_.yes() ? "minicloud/vm:latest" : "plain:1");
        order.vm = some_vm();
        order.epoch = Epoch{4 + feed_.below(3)};
        if (feed_.below(4) == 0) order.spec.image = feed_.bytes(16);
        if (feed_.below(4) == 0) order.spec.password_hash = "$6$salt$hash";
        jobs_.push_back(harness_.create(order, feed_.yes() ? 0 : feed_.number()));
    }

    void exec() {
        ExecSpec spec;
        spec.argv = {"sh"};
        spec.tty = feed_.yes();
        spec.input = feed_.yes();
        jobs_.push_back(harness_.exec(spec, feed_.number()));
    }

    void images() {
        const std::string image = feed_.yes() ? "plain:1" : feed_.bytes(16);
        const NodeImagesOrder order{Epoch{4 + feed_.below(3)}, static_cast<ImageAction>(feed_.below(4)), image, "ann"};
        jobs_.push_back(harness_.order(Verb::node_images, encode(order)));
    }

    /// A call that hung is answered, with anything.
    void release() {
        if (harness_.hanging.empty()) return;
        auto at = harness_.hanging.begin();
        std::advance(at, feed_.below(harness_.hanging.size()));
        const auto id = at->first;
        if (feed_.yes()) {
            harness_.core.on_call_chunk(harness_.now, id, feed_.bytes(200));
            return harness_.settle();
        }
        harness_.hanging.erase(at);
        worker::EngineResponse response;
        response.status = static_cast<int>(100 + feed_.below(500));
        response.body = feed_.bytes(200);
        harness_.core.on_call_done(harness_.now, id, feed_.yes() ? CallResult(response) : Harness::timed_out());
        harness_.settle();
    }

    void stream() {
        if (!harness_.open_stream) return;
        const auto id = *harness_.open_stream;
        auto& core = harness_.core;
        switch (feed_.below(4)) {
            case 0:
                core.on_stream_opened(harness_.now, id);
                break;
            case 1:
                core.on_stream_bytes(harness_.now, id,
                                     feed_.yes() ? Harness::frame(1, feed_.bytes(64)) : feed_.bytes(64));
                break;
            case 2:
                core.on_stream_written(harness_.now, id, feed_.below(1 << 16));
                break;
            default:
                harness_.open_stream.reset();
                core.on_stream_closed(harness_.now, id, {});
                break;
        }
        harness_.settle();
    }

    void by_hand() {
        auto& containers = harness_.engine.containers;
        if (containers.empty()) return;
        auto at = containers.begin();
        std::advance(at, feed_.below(containers.size()));
        if (at->second.id == stranger_.id) return;
        if (feed_.yes()) {
            containers.erase(at);
        } else {
            at->second.state =
                feed_.one_of(std::vector<std::string>{"created", "running", "exited", "dead", "removing"});
        }
    }

    Feed& feed_;
    Harness harness_;
    worker::FakeEngine::Container stranger_;
    std::vector<JobId> jobs_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Feed feed(data, size);
    Run run(feed);
    for (std::size_t step = 0; step < steps_max && feed.more(); ++step) {
        run.step();
        run.look();
    }
    return 0;
}
