// A cloud as large as it may be, in which nothing happens; and what it costs to ask about it.
#include <cstdio>

#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"
#include "swarm/cluster.hpp"
#include "swarm/meter.hpp"
#include "swarm/modes.hpp"

namespace mc::bench {
namespace {

using namespace std::chrono_literals;
using protocol::Verb;

/// One list after the other: of one page again and again, or of all that there is.
class Lister {
public:
    Lister(Loop& loop, void* context, const std::string& endpoint, Meter& meter)
        : peer_(context, endpoint, std::nullopt), meter_(meter) {
        loop.add(peer_, [this] { on_message(); });
    }

    void begin(const std::string& after, std::uint32_t limit, bool whole) {
        after_ = after;
        limit_ = limit;
        whole_ = whole;
        ask(after_);
    }

    void stop() { done_ = true; }
    [[nodiscard]] bool done() const { return done_; }
    [[nodiscard]] std::size_t vms_running() const { return vms_running_; }

private:
    void ask(const std::string& after) {
        sent_ = Clock::now();
        peer_.send({.verb = Verb::list, .id = {1, ++asked_}}, protocol::encode(protocol::ListRequest{after, limit_}));
    }

    void on_message() {
        meter_.count(sent_, Clock::now());
        if (done_) return;
        if (!whole_) return ask(after_);
        const auto page = protocol::decode<protocol::ListReply>(peer_.body());
        if (!page || peer_.header().code != ErrorCode::ok) give_up("a list was refused");
        for (const auto& vm : page->vms) vms_running_ += vm.state == protocol::VmState::running ? 1 : 0;
        done_ = page->next.empty();
        if (!done_) ask(page->next);
    }

    Peer peer_;
    Meter& meter_;
    std::string after_;
    std::uint32_t limit_ = 0;
    bool whole_ = false;
    bool done_ = false;
    std::size_t vms_running_ = 0;
    std::uint64_t asked_ = 0;
    Clock::time_point sent_;
};

}  // namespace

void run_scale(Settings settings) {
    const auto settle = std::chrono::duration<double>(settings.real("settle", 4));
    const auto rest = std::chrono::duration<double>(settings.real("seconds", 10));
    const std::string at = settings.text("clients_at");
    const std::string after = settings.text("after");
    const auto limit = static_cast<std::uint32_t>(settings.number("limit", 50));
    Meter resting(settings.number("pid", 0));
    settings.done();

    void* context = zmq_ctx_new();
    Loop loop;
    Meter one_page(0);
    Meter all_pages(0);
    Lister page(loop, context, at, one_page);
    Lister whole(loop, context, at, all_pages);
    enum class Stage { settling, idle, one, all } stage = Stage::settling;
    Clock::time_point since = Clock::now();
    const auto next = [&](Stage to, Clock::time_point now) {
        stage = to;
        since = now;
    };
    loop.run(5ms, [&](Clock::time_point now) {
        switch (stage) {
            case Stage::settling:
                if (now - since < settle) return true;
                resting.begin(now);
                next(Stage::idle, now);
                return true;
            case Stage::idle:
                if (now - since < rest) return true;
                resting.count(now, now);
                resting.end(now);
                one_page.begin(now);
                page.begin(after, limit, false);
                next(Stage::one, now);
                return true;
            case Stage::one:
                if (now - since < 2s) return true;
                one_page.end(now);
                page.stop();
                all_pages.begin(now);
                whole.begin("", limits::page_max, true);
                next(Stage::all, now);
                return true;
            case Stage::all:
                if (!whole.done()) return true;
                all_pages.end(now);
                return false;
        }
        return false;
    });
    std::printf("{\"idle_core\": %.4f, \"page_p50_us\": %.1f, \"page_p99_us\": %.1f, ", resting.cpu_share(),
                one_page.quantile_us(0.5), one_page.quantile_us(0.99));
    std::printf("\"vms_running\": %zu, \"list_all_s\": %.3f}\n", whole.vms_running(), all_pages.seconds());
}

void run_nodes(Settings settings) {
    FakeWorker::Options options;
    options.keeps_vms = true;
    const std::size_t vms = settings.number("vms", 0);
    const std::size_t nodes = settings.number("nodes_all", settings.number("nodes", 4));
    Loop loop;
    Cluster cluster(loop, big_context(), settings, options);
    settings.done();
    cluster.adopt(vms, nodes);
    std::puts("ready");
    std::fflush(stdout);
    loop.run(5ms, [&](Clock::time_point now) {
        cluster.on_turn(now);
        return true;
    });
}

}  // namespace mc::bench
