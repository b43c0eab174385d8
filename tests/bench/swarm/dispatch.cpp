// Clients and workers that do nothing but ask and answer: what a broker costs.
#include <memory>

#include "protocol/client_bodies.hpp"
#include "protocol/codec.hpp"
#include "protocol/image_bodies.hpp"
#include "swarm/fake_worker.hpp"
#include "swarm/meter.hpp"
#include "swarm/modes.hpp"

namespace mc::bench {
namespace {

using namespace std::chrono_literals;
using protocol::Header;
using protocol::Kind;
using protocol::Verb;

/// What is asked again and again.
enum class Question { images, relay, list, bare };

struct Plan {
    Question question;
    std::size_t window;
    std::size_t workers;
    std::size_t bytes;  ///< of a body, either way
};

/// Request ids and names of another run are other ones. Leaves room for the numbers of clients.
std::uint64_t this_run() {
    static const auto run = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count()) << 16;
    return run;
}

protocol::Bytes images_request(const std::string& node, std::size_t bytes) {
    protocol::ImagesRequest body;
    body.node = node;
    // What a list does not read, and its limit allows.
    body.image.assign(bytes - std::min(bytes, node.size() + 8), 'i');
    return protocol::encode(body);
}

/// One client with `window` questions under way.
class Asker {
public:
    Asker(Loop& loop, void* context, const std::string& endpoint, const std::optional<io::StoredConnection>& key,
          std::uint64_t number, const Plan& plan, Meter& meter)
        : peer_(context, endpoint, key), number_(number), plan_(plan), meter_(meter), sent_(plan.window) {
        for (std::size_t i = 1; i <= plan.workers; ++i)
            bodies_.push_back(images_request("node-" + std::to_string(i), plan.bytes));
        loop.add(peer_, [this] { on_message(); });
    }

    /// A relay needs a VM and a stream first.
    void begin() {
        if (plan_.question != Question::relay) return fill();
        protocol::CreateRequest create;
        create.spec.name = name();
        // Others may still be known from another run.
        create.node = "node-" + std::to_string(1 + number_ % plan_.workers);
        peer_.send({.verb = Verb::create, .id = {run_ + number_, UINT64_MAX}}, protocol::encode(create));
    }

    [[nodiscard]] bool asking() const { return asking_; }

private:
    [[nodiscard]] std::string name() const { return "relay-" + std::to_string(run_ + number_); }

    void fill() {
        asking_ = true;
        for (std::size_t i = 0; i < plan_.window; ++i) ask();
    }

    void ask() {
        Header header;
        header.id = {run_ + number_, ++asked_};
        sent_[asked_ % plan_.window] = Clock::now();
        switch (plan_.question) {
            case Question::images:
            case Question::bare:
                header.verb = Verb::images;
                return peer_.send(header, bodies_[asked_ % bodies_.size()]);
            case Question::list:
                header.verb = Verb::list;
                return peer_.send(header, list_);
            case Question::relay:
                header = {.kind = Kind::data, .verb = Verb::exec, .id = stream_};
                header.sequence = static_cast<std::uint32_t>(asked_ - 1);
                return peer_.send(header, {}, data_);
        }
    }

    void on_message() {
        const Header& header = peer_.header();
        if (header.code != ErrorCode::ok) {
            const auto error = protocol::decode<protocol::ErrorBody>(peer_.body());
            give_up("refused: " + (error ? error->message : "?"));
        }
        if (!asking_) return on_beginning(header);
        if (plan_.question == Question::relay) {
            if (header.kind == Kind::data) take(++answered_);
            return;
        }
        if (header.kind == Kind::reply) take(header.id.low);
    }

    void on_beginning(const Header& header) {
        if (header.kind == Kind::reply) {
            stream_ = {run_ + number_, UINT64_MAX - 1};
            protocol::StreamRequest open{name(), limits::window_bytes_max};
            protocol::ExecSpec exec;
            exec.argv = {"cat"};
            exec.input = true;
            peer_.send({.verb = Verb::exec, .id = stream_}, protocol::encode(open), protocol::encode(exec));
        } else if (header.verb == Verb::exec && header.kind == Kind::progress) {
            fill();
        }
    }

    void take(std::uint64_t which) {
        meter_.count(sent_[which % plan_.window], Clock::now());
        ungranted_ += plan_.bytes;
        constexpr std::size_t grant_bytes = 1U << 20;
        if (plan_.question == Question::relay && ungranted_ >= grant_bytes) {
            Header more{.kind = Kind::credit, .verb = Verb::exec, .id = stream_};
            more.value = static_cast<std::uint32_t>(std::exchange(ungranted_, 0));
            peer_.send(more);
        }
        ask();
    }

    Peer peer_;
    std::uint64_t run_ = this_run();
    std::uint64_t number_;
    const Plan& plan_;
    Meter& meter_;
    std::vector<Clock::time_point> sent_;
    std::vector<protocol::Bytes> bodies_;
    protocol::Bytes list_ = protocol::encode(protocol::ListRequest{});
    std::string data_ = std::string(plan_.bytes, 'd');
    RequestId stream_;
    std::uint64_t asked_ = 0;
    std::uint64_t answered_ = 0;
    std::size_t ungranted_ = 0;
    bool asking_ = false;
};

/// Answers the forwarder, without any protocol.
class Echo {
public:
    Echo(Loop& loop, void* context, const std::string& endpoint, const std::optional<io::StoredConnection>& key,
         std::size_t bytes)
        : peer_(context, endpoint, key, PeerKind::addressed), body_(bytes, 'b') {
        peer_.send_bare("ready");
        loop.add(peer_, [this] {
            Header header = peer_.header();
            header.kind = Kind::reply;
            peer_.send(header, body_);
        });
    }

private:
    Peer peer_;
    std::string body_;
};

Question question_of(const std::string& name) {
    if (name == "images") return Question::images;
    if (name == "relay") return Question::relay;
    if (name == "list") return Question::list;
    if (name == "bare") return Question::bare;
    give_up("there is no question " + name);
}

/// `count` VMs, for list.
void make_vms(Loop& loop, Peer& peer, std::size_t count, bool& made) {
    made = count == 0;
    if (made) return;
    protocol::CreateRequest create;
    create.count = static_cast<std::uint32_t>(count);
    create.node = "node-1";
    loop.add(peer, [&] { made = made || peer.header().kind == Kind::reply; });
    peer.send({.verb = Verb::create, .id = {this_run(), 1}}, protocol::encode(create));
}

}  // namespace

void run_dispatch(Settings settings) {
    const Plan plan{question_of(settings.text("question")), settings.number("window", 128),
                    settings.number("workers", 4), settings.number("bytes", 200)};
    const auto warm_up = std::chrono::duration<double>(settings.real("warm_up", 0.5));
    const auto measured = std::chrono::duration<double>(settings.real("seconds", 3));
    const std::size_t clients = settings.number("clients", 4);
    const std::size_t vms = settings.number("vms", 0);
    const std::string at = settings.text("clients_at");
    const std::string workers_at = settings.text("workers_at");
    const auto key = settings.key("key");
    // Of each worker, by its name.
    const std::string worker_keys = settings.text("worker_keys");
    Meter meter(settings.number("pid", 0));
    settings.done();

    void* context = zmq_ctx_new();
    Loop loop;
    std::vector<std::unique_ptr<FakeWorker>> workers;
    std::vector<std::unique_ptr<Echo>> echoes;
    for (std::size_t i = 1; i <= plan.workers; ++i) {
        const std::string name = "node-" + std::to_string(i);
        const auto own = settings.key_at(worker_keys.empty() ? "" : worker_keys + name + "/connection");
        if (plan.question == Question::bare) {
            echoes.push_back(std::make_unique<Echo>(loop, context, workers_at, own, plan.bytes));
        } else {
            FakeWorker::Options options;
            options.reply_bytes = plan.bytes;
            workers.push_back(std::make_unique<FakeWorker>(loop, context, workers_at, own, i, options));
        }
    }
    Peer maker(context, at, key);
    bool made = false;
    make_vms(loop, maker, vms, made);
    std::vector<std::unique_ptr<Asker>> askers;
    for (std::size_t i = 1; i <= clients; ++i)
        askers.push_back(std::make_unique<Asker>(loop, context, at, key, i, plan, meter));

    const auto give_up_at = Clock::now() + 30s;
    const auto all = [](const auto& list, auto is) { return std::all_of(list.begin(), list.end(), is); };
    bool begun = false;
    Clock::time_point measure_at{};
    bool measuring = false;
    loop.run(10ms, [&](Clock::time_point now) {
        for (const auto& worker : workers) worker->on_turn(now);
        if (!begun && made && all(workers, [](const auto& worker) { return worker->registered(); })) {
            for (const auto& asker : askers) asker->begin();
            begun = true;
        }
        if (!begun || !all(askers, [](const auto& asker) { return asker->asking(); })) {
            if (now > give_up_at) give_up("not ready within 30 s");
            return true;
        }
        if (measure_at == Clock::time_point{}) measure_at = now + std::chrono::duration_cast<Clock::duration>(warm_up);
        if (!measuring && now >= measure_at) {
            meter.begin(now);
            measuring = true;
        }
        if (!measuring || now - measure_at < measured) return true;
        meter.end(now);
        return false;
    });
    meter.print();
}

}  // namespace mc::bench
