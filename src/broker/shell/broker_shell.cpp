#include "broker/shell/broker_shell.hpp"

#include <csignal>
#include <set>
#include <span>

#include "io/clock.hpp"
#include "io/log.hpp"
#include "io/random.hpp"
#include "protocol/codec.hpp"

namespace mc::broker {
namespace {

/// Messages taken from one socket before anything else has its turn. Draining in
/// batches is worth 1.5 to 2 times the throughput, and a batch shares one commit.
constexpr std::size_t messages_per_turn_max = 1000;

/// Bytes for clients that one turn may make; what has not been taken by then waits in the sockets,
/// where each connection has its turn, and others are served in between.
constexpr std::size_t output_bytes_per_turn_max = 8 * 1024 * 1024;

/// While replies wait for a client, how soon it is tried again.
constexpr milliseconds flush_interval{5};

/// At the end, for what clients have not yet taken; and for what the library has of it.
constexpr milliseconds flush_max{500};
constexpr milliseconds linger{1000};

/// Rounds of failed sends that cause further sends; what is left waits for the next turn.
constexpr int rounds_max = 4;

void write_log(const LogLine& line) {
    switch (line.level) {
        case LogLevel::debug:
            return io::log_debug(line.text);
        case LogLevel::info:
            return io::log_info(line.text);
        case LogLevel::warning:
            return io::log_warn(line.text);
    }
}

io::SocketOptions socket_options() {
    io::SocketOptions options;
    options.linger = linger;
    return options;
}

io::SocketOptions client_socket_options() {
    io::SocketOptions options = socket_options();
    options.send_messages_max = SendQueues::library_messages_max;
    return options;
}

std::vector<std::string> broadcast(const char* topic, protocol::Verb verb, protocol::Bytes body) {
    protocol::Header header;
    header.kind = protocol::Kind::notice;
    header.verb = verb;
    return {topic, protocol::encode_header(header), std::move(body)};
}

}  // namespace

BrokerShell::BrokerShell(const BrokerConfig& config, io::Signals signals, io::LockFile lock, io::Store store)
    : signals_(std::move(signals)),
      lock_(std::move(lock)),
      store_(std::move(store)),
      clients_(io::Socket::router(context_, client_socket_options())),
      workers_(io::Socket::router(context_, socket_options())),
      events_(io::Socket::pub(context_, socket_options())),
      to_clients_([this](const SendQueues::Frames& frames) { return clients_.send(frames); }),
      keeper_(config, Prng(io::random_u64()), store_) {}

Result<std::unique_ptr<BrokerShell>> BrokerShell::open(const BrokerOptions& options, io::Signals signals) {
    auto config = options.config();
    if (!config) return fail(config.error());
    const std::filesystem::path dir =
        options.state_dir.empty() ? io::state_dir() / "broker" : std::filesystem::path(options.state_dir);
    if (auto made = io::make_private_dir(dir); !made) return fail(made.error());
    auto lock = io::LockFile::acquire(dir / "broker.lock");
    if (!lock) return fail(lock.error());
    auto store = io::Store::open(dir / "broker.db");
    if (!store) return fail(store.error());

    std::unique_ptr<BrokerShell> shell(
        new BrokerShell(*config, std::move(signals), std::move(*lock), std::move(*store)));
    if (auto loaded = shell->load(); !loaded) return fail(loaded.error());
    if (auto listening = shell->listen(options); !listening) return fail(listening.error());
    shell->watch_signals();
    io::log_info("cloud " + shell->keeper_.core().cloud().str() + ", epoch " +
                 std::to_string(shell->keeper_.core().epoch().value) + ", " +
                 std::to_string(shell->keeper_.core().vm_count()) + " VMs, state in " + dir.string());
    io::log_info("serving clients at " + shell->clients_.last_endpoint() + ", workers at " +
                 shell->workers_.last_endpoint() + ", events at " + shell->events_.last_endpoint());
    return shell;
}

Result<void> BrokerShell::load() {
    auto begun = keeper_.begin(io::read_clock());
    if (!begun) return fail(begun.error());
    tell(std::move(*begun));
    return {};
}

Result<void> BrokerShell::listen(const BrokerOptions& options) {
    if (auto r = clients_.bind(options.clients); !r) return r;
    if (auto r = workers_.bind(options.workers); !r) return r;
    if (auto r = events_.bind(options.events); !r) return r;
    // Port 0 picks one: clients are told the one that was picked.
    keeper_.set_endpoints({clients_.last_endpoint(), workers_.last_endpoint(), events_.last_endpoint()});
    poller_.add(clients_, {}, [this](io::Readiness) { drain(Side::clients); });
    poller_.add(workers_, {}, [this](io::Readiness) { drain(Side::workers); });
    return {};
}

void BrokerShell::watch_signals() {
    poller_.add_fd(signals_.fd(), {}, [this](io::Readiness) {
        while (const auto number = signals_.next()) {
            if (*number == SIGTERM || *number == SIGINT) stop_ = true;
        }
    });
}

void BrokerShell::run() {
    while (!stop_) {
        auto wait = keeper_.next_deadline() - io::read_clock().instant;
        if (!to_clients_.empty()) wait = std::min(wait, flush_interval);
        poller_.wait(std::max<milliseconds>(wait, 0ms));
        flush_clients();
        if (auto restarted = keeper_.on_tick(io::read_clock())) tell(std::move(*restarted));
        carry_out();
    }
    keeper_.core().stop(io::read_clock());
    carry_out();
    const Instant give_up = io::read_clock().instant + flush_max;
    while (!to_clients_.empty() && io::read_clock().instant < give_up) {
        io::Poller().wait(flush_interval);
        flush_clients();
    }
    io::log_info("ended; VMs keep running, requests under way go on when the broker is back");
}

void BrokerShell::drain(Side side) {
    io::Socket& socket = side == Side::clients ? clients_ : workers_;
    const Now now = io::read_clock();
    BrokerCore& core = keeper_.core();
    for (std::size_t i = 0; i < messages_per_turn_max; ++i) {
        auto frames = socket.receive();
        if (!frames) return;
        const Caller caller{PeerId{std::move(frames->front())}, std::nullopt};
        const std::span<std::string> message(frames->begin() + 1, frames->end());
        if (side == Side::clients) {
            core.on_client_frames(now, caller, message, to_clients_.is_behind(caller.peer));
            if (core.output_bytes() > output_bytes_per_turn_max) return;
        } else {
            core.on_worker_frames(now, caller, message);
        }
    }
}

void BrokerShell::flush_clients() {
    for (const PeerId& peer : to_clients_.flush()) keeper_.core().on_client_gone(io::read_clock(), peer);
}

void BrokerShell::carry_out() {
    for (int round = 0; round < rounds_max; ++round) {
        Effects effects = keeper_.core().take_effects();
        if (effects.empty()) return;
        if (const auto committed = store_.commit(effects.changes); !committed) {
            effects = keeper_.commit_failed(io::read_clock(), committed.error());
        }
        tell(std::move(effects));
    }
}

void BrokerShell::tell(Effects effects) {
    publish(effects);
    send_all(Side::clients, std::move(effects.to_clients));
    send_all(Side::workers, std::move(effects.to_workers));
    for (const LogLine& line : effects.log) write_log(line);
}

void BrokerShell::publish(const Effects& effects) {
    // A PUB socket never blocks: what a slow watcher misses it sees from the numbers.
    for (const auto& event : effects.events) {
        static_cast<void>(
            events_.send(broadcast(protocol::topic_event, protocol::Verb::event_published, protocol::encode(event))));
    }
    if (effects.beacon) {
        const BrokerCore& core = keeper_.core();
        const protocol::Beacon beacon{core.cloud(), core.epoch(), core.events().last()};
        static_cast<void>(
            events_.send(broadcast(protocol::topic_beacon, protocol::Verb::event_beacon, protocol::encode(beacon))));
    }
}

void BrokerShell::send_all(Side side, std::vector<Outgoing> messages) {
    std::set<PeerId> gone;
    for (Outgoing& outgoing : messages) {
        if (gone.contains(outgoing.to)) continue;
        std::vector<std::string> frames = protocol::to_frames(std::move(outgoing.message));
        frames.insert(frames.begin(), outgoing.to.bytes);
        const bool taken = side == Side::clients ? to_clients_.push(outgoing.to, std::move(frames))
                                                 : workers_.send(frames) == io::SendOutcome::sent;
        if (!taken) gone.insert(outgoing.to);
    }
    // A peer that takes no more is treated as one that is gone: requests and jobs
    // are repeated, and a stream with a hole would be worse than one that ends.
    const Now now = io::read_clock();
    for (const PeerId& peer : gone) {
        if (side == Side::clients) {
            keeper_.core().on_client_gone(now, peer);
        } else {
            keeper_.core().on_worker_gone(now, peer);
        }
    }
}

}  // namespace mc::broker
