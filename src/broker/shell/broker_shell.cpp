#include "broker/shell/broker_shell.hpp"

#include <csignal>
#include <optional>
#include <set>
#include <span>
#include <thread>
#include <utility>
#include <variant>

#include "broker/shell/broker_keys.hpp"
#include "broker/shell/wire.hpp"
#include "io/clock.hpp"
#include "io/log.hpp"
#include "io/random.hpp"
#include "io/stranger_probe.hpp"
#include "protocol/codec.hpp"
#include "protocol/endpoints.hpp"

namespace mc::broker {
namespace {

/// Messages taken from one socket before anything else has its turn. Draining in
/// batches is worth 1.5 to 2 times the throughput, and a batch shares one commit.
constexpr std::size_t messages_per_turn_max = 1000;
/// After so many of them what they cause is told, unless it has to be committed first: others work on it meanwhile.
/// With fewer they are woken up more often than that is worth. ADR 43.
constexpr std::size_t messages_per_tell = 128;

/// Bytes that wait for one client, and for one worker: a create is an order of up to 1 MiB, and a node has room for
/// many at once.
constexpr std::size_t client_bytes_max = 8 * 1024 * 1024;
constexpr std::size_t worker_bytes_max = 128 * 1024 * 1024;

/// How long one socket's turn may be: some messages are a look through all that is remembered.
constexpr milliseconds turn_max{20};
/// Between two looks at the clock for that.
constexpr std::size_t messages_per_look = 16;

/// Messages of one connection that wait in the library, each way: then the rest waits at the sender, of up to 3 MiB
/// each, or in SendQueues for another turn. These count bytes and the library does not: a client that does not read
/// must not cost more. With 64 to workers as well, a busy broker passed on 7 % fewer jobs.
constexpr int client_messages_waiting_max = 64;
constexpr int worker_messages_waiting_max = 256;

/// Messages, of up to Publications::events_per_message_max events, that wait for one watcher; then it misses some. All
/// that are behind share what waits.
constexpr int watcher_messages_max = 1000;

/// Bytes for clients that one turn may make; what has not been taken by then waits in the sockets,
/// where each connection has its turn, and others are served in between.
constexpr std::size_t output_bytes_per_turn_max = 8 * 1024 * 1024;

/// At the end, for what clients have not yet taken; and for what the library has of it.
constexpr milliseconds flush_max{500};
constexpr milliseconds linger{1000};

/// How long the loop looks for more before it sleeps, where what came the last time came as soon and made a message or
/// a few: to be woken up takes longer than most answers. Work that comes now and then, heartbeats, and many messages at
/// a time, which share one wake-up, cost nothing of it. ADR 44.
constexpr std::chrono::microseconds eager_max{250};
constexpr std::size_t eager_messages_max = 8;

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

constexpr const char* clients_domain = "clients";
constexpr const char* workers_domain = "workers";
constexpr const char* events_domain = "events";

/// Of the library. A thousand watchers take one for as long as it takes to send to each of them: who waits for an
/// answer must not wait for that.
constexpr int io_threads = 2;
constexpr unsigned io_thread_of_requests = 0;
constexpr unsigned io_thread_of_events = 1;

io::SocketOptions socket_options(const io::Security& security, unsigned io_thread) {
    io::SocketOptions options;
    options.io_thread = io_thread;
    options.security = security;
    options.linger = linger;
    return options;
}

/// Of the workers' socket. That they live their own heartbeats tell; the library's would set and stop two timers for
/// each of them all the time, and it looks through all timers to stop one: with 10,000 workers that took a core.
constexpr milliseconds no_heartbeats{0};

/// Of a socket whose messages wait in SendQueues.
io::SocketOptions router_options(const io::Security& security, int messages_waiting_max) {
    io::SocketOptions options = socket_options(security, io_thread_of_requests);
    options.send_messages_max = options.receive_messages_max = messages_waiting_max;
    return options;
}

io::SocketOptions worker_options(const io::Security& security) {
    io::SocketOptions options = router_options(security, worker_messages_waiting_max);
    options.heartbeat_interval = no_heartbeats;
    return options;
}

io::SocketOptions events_options(const io::Security& security) {
    io::SocketOptions options = socket_options(security, io_thread_of_events);
    options.send_messages_max = watcher_messages_max;
    return options;
}

bool asks_for_keys(const io::Security& security) {
    return std::holds_alternative<io::CurveServer>(security);
}

std::optional<Side> side_of(std::string_view domain) {
    if (domain == clients_domain) return Side::clients;
    if (domain == workers_domain) return Side::workers;
    if (domain == events_domain) return Side::events;
    return std::nullopt;
}

/// As this machine itself reaches what is bound there.
std::string reached_here(const std::string& bound) {
    return protocol::reached_endpoint(bound, "");
}

/// Of a client, on its way to a worker.
bool is_relayed(const protocol::Header& header) {
    return protocol::is_stream_order(header.verb);
}

/// What there is less of the more a node is behind: that a stream goes on or ends has to come through.
bool can_be_left_out(const protocol::Header& header) {
    return is_relayed(header) && header.kind != protocol::Kind::credit && header.kind != protocol::Kind::end;
}

std::string in_words(const io::Security& security) {
    return asks_for_keys(security) ? "" : " (plaintext)";
}

std::vector<std::string> broadcast(std::string topic, protocol::Verb verb, protocol::Bytes body) {
    protocol::Header header;
    header.kind = protocol::Kind::notice;
    header.verb = verb;
    return {std::move(topic), protocol::encode_header(header), std::move(body)};
}

}  // namespace

BrokerShell::BrokerShell(const BrokerConfig& config, Resources resources, const Securities& securities)
    : state_dir_(std::move(resources.state_dir)),
      signals_(std::move(resources.signals)),
      lock_(std::move(resources.lock)),
      store_(std::move(resources.store)),
      keeper_(config, Prng(io::random_u64()), store_),
      securities_(securities),
      context_(io_threads),
      zap_(context_, [this](std::string_view domain, const PublicKey& key,
                            std::string_view address) { return may_connect(domain, key, address); }),
      clients_(io::Socket::router(context_, router_options(securities.clients, client_messages_waiting_max))),
      workers_(io::Socket::router(context_, worker_options(securities.workers))),
      connections_(std::move(resources.connections)),
      events_(
          context_, poller_,
          [this](const std::optional<PublicKey>& key) { return keeper_.core().topics_for(io::read_clock(), key); },
          [this](const PublicKey& key, const std::string& what) {
              keeper_.core().on_barred(io::read_clock(), key, what);
          },
          [this](const PublicKey& key, int descriptor) { connections_.heard(descriptor, key); }),
      to_clients_([this](SendQueues::Frames frames) { return clients_.send(frames); }, client_bytes_max),
      to_workers_([this](SendQueues::Frames frames) { return workers_.send(frames); }, worker_bytes_max) {}

BrokerShell::~BrokerShell() {
    poller_.remove(clients_);
    poller_.remove(workers_);
    zap_.end(poller_);
    poller_.remove_fd(signals_.fd());
}

Result<BrokerShell::Securities> BrokerShell::securities_of(const BrokerOptions& options,
                                                           const std::filesystem::path& state_dir) {
    std::optional<io::KeyPair> own;  // made when it is first needed
    const auto security = [&](const std::string& endpoint, const char* domain) -> Result<io::Security> {
        const auto wire = wire_of(endpoint, options.plaintext);
        if (!wire) return fail(wire.error());
        if (*wire == Wire::plaintext) return io::Security();
        if (!own) {
            auto pair = broker_key_pair(state_dir);
            if (!pair) return fail(pair.error());
            own = std::move(*pair);
        }
        return io::CurveServer{*own, domain};
    };
    auto clients = security(options.clients, clients_domain);
    if (!clients) return fail(clients.error());
    auto workers = security(options.workers, workers_domain);
    if (!workers) return fail(workers.error());
    auto events = security(options.events, events_domain);
    if (!events) return fail(events.error());
    return Securities{std::move(*clients), std::move(*workers), std::move(*events)};
}

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
    auto connections = io::Connections::open();
    if (!connections) return fail(connections.error());
    const auto securities = securities_of(options, dir);
    if (!securities) return fail(securities.error());
    for (const auto* security : {&securities->clients, &securities->workers, &securities->events}) {
        if (const auto* server = std::get_if<io::CurveServer>(security)) config->key = server->own.pub;
    }

    std::unique_ptr<BrokerShell> shell(new BrokerShell(
        *config, {dir, std::move(signals), std::move(*connections), std::move(*lock), std::move(*store)}, *securities));
    if (auto loaded = shell->load(); !loaded) return fail(loaded.error());
    if (auto listening = shell->listen(options); !listening) return fail(listening.error());
    if (auto provided = shell->provide_admin(dir); !provided) return fail(provided.error());
    shell->watch_signals();
    io::log_info("cloud " + shell->keeper_.core().cloud().str() + ", epoch " +
                 std::to_string(shell->keeper_.core().epoch().value) + ", " +
                 std::to_string(shell->keeper_.core().vm_count()) + " VMs, state in " + dir.string());
    io::log_info("serving clients at " + shell->clients_.last_endpoint() + in_words(securities->clients) +
                 ", workers at " + shell->workers_.last_endpoint() + in_words(securities->workers) + ", events at " +
                 shell->events_.endpoint() + in_words(securities->events));
    return shell;
}

Result<void> BrokerShell::load() {
    auto begun = keeper_.begin(io::read_clock());
    if (!begun) return fail(begun.error());
    tell(std::move(*begun));
    return {};
}

Result<void> BrokerShell::listen(const BrokerOptions& options) {
    // Before the sockets are bound: without it they would let everybody in.
    if (auto r = zap_.begin(poller_); !r) return r;
    if (auto r = clients_.bind(options.clients); !r) return r;
    if (auto r = workers_.bind(options.workers); !r) return r;
    if (auto r = events_.bind(options.events, events_options(securities_.events)); !r) return r;
    if (auto r = try_strangers(); !r) return r;
    // Port 0 picks one: clients are told the one that was picked.
    keeper_.set_endpoints({clients_.last_endpoint(), workers_.last_endpoint(), events_.endpoint()});
    if (asks_for_keys(securities_.clients)) connections_.watch(clients_.last_endpoint());
    if (asks_for_keys(securities_.workers)) connections_.watch(workers_.last_endpoint());
    if (asks_for_keys(securities_.events)) connections_.watch(events_.endpoint());
    serving_ = true;
    poller_.add(clients_, {}, [this](io::Readiness) { drain(Side::clients); });
    poller_.add(workers_, {}, [this](io::Readiness) { drain(Side::workers); });
    return {};
}

Result<void> BrokerShell::try_strangers() {
    const auto probe = [this](const io::Security& security, auto make_socket, const std::string& endpoint) {
        const auto* server = std::get_if<io::CurveServer>(&security);
        if (!server) return Result<void>();
        return io::probe_as_stranger(context_, poller_, make_socket(context_, io::stranger_options(server->own.pub)),
                                     reached_here(endpoint));
    };
    if (auto r = probe(securities_.clients, io::Socket::dealer, clients_.last_endpoint()); !r) return r;
    if (auto r = probe(securities_.workers, io::Socket::dealer, workers_.last_endpoint()); !r) return r;
    return probe(securities_.events, io::Socket::sub, events_.endpoint());
}

Result<void> BrokerShell::provide_admin(const std::filesystem::path& state_dir) {
    const auto* server = std::get_if<io::CurveServer>(&securities_.clients);
    if (!server) return {};
    const auto told = broker::provide_admin(
        state_dir, reached_here(clients_.last_endpoint()), server->own.pub, [this](const PublicKey& key) {
            const auto ensure = [&] { return keeper_.core().ensure_admin(io::read_clock(), key, "admin"); };
            if (const auto is_admin = ensure(); !is_admin || !*is_admin) return is_admin;
            // Another core when that can't be stored.
            carry_out();
            return ensure();
        });
    if (!told) return fail(told.error());
    if (!told->empty()) io::log_info(*told);
    return {};
}

io::Admission BrokerShell::may_connect(std::string_view domain, const PublicKey& key, std::string_view address) {
    const auto side = side_of(domain);
    const Now now = io::read_clock();
    const bool barred = side == Side::events && events_.is_barred(key);
    const bool known = side && !barred && keeper_.core().may_connect(now, *side, key);
    const ConnectionLimits limits = keeper_.core().connection_limits_of(now, key);
    const bool too_many = known && connections_.count_of(key) >= limits.open_max;
    if (known && !too_many && handshakes_.take(now.instant, key, limits)) return io::Admission::let_in;
    const auto sentence = [&] {
        std::string why;
        if (too_many) {
            why = ": it has " + std::to_string(limits.open_max) + " connections, which is as many as it may";
        } else if (known) {
            why = ": it connects more often than " + std::to_string(limits.per_second) + " times a second";
        }
        return (known ? "put off key " : "refused key ") + key.fingerprint() + " at the socket for " +
               std::string(domain) + ", from " + std::string(address) + why;
    };
    if (const auto line = serving_ ? turned_away_.next(now.instant, sentence) : std::nullopt) io::log_info(*line);
    return known ? io::Admission::put_off : io::Admission::refused;
}

void BrokerShell::look_at_connections() {
    const Now now = io::read_clock();
    connections_.look(now.instant, [this, now](const PublicKey& key) {
        return keeper_.core().connection_limits_of(now, key).open_max;
    });
}

void BrokerShell::look_at_disk() {
    // Each time: the core may be another one than before.
    keeper_.core().on_disk(disk_.look(io::read_clock().instant, state_dir_));
}

void BrokerShell::watch_signals() {
    poller_.add_fd(signals_.fd(), {}, [this](io::Readiness) {
        while (const auto number = signals_.next()) {
            if (*number == SIGTERM || *number == SIGINT) stop_ = true;
        }
    });
}

void BrokerShell::wait_for_work(milliseconds max) {
    using std::chrono::steady_clock;
    const auto began = steady_clock::now();
    bool came = false;
    while (eager_ && !came && max > 0ms && steady_clock::now() - began < eager_max) {
        std::this_thread::yield();
        came = poller_.wait(0ms);
    }
    if (!came) came = poller_.wait(max);
    const std::size_t made = keeper_.core().messages();
    eager_ = came && made > 0 && made <= eager_messages_max && steady_clock::now() - began < eager_max;
}

void BrokerShell::run() {
    while (!stop_) {
        look_at_disk();
        const auto wait = std::min({keeper_.next_deadline(), events_.next_try(), connections_.next_look(),
                                    publications_.due(), to_clients_.next_flush(), to_workers_.next_flush()}) -
                          io::read_clock().instant;
        workers_wait_ = false;
        wait_for_work(std::max<milliseconds>(wait, 0ms));
        keeper_.core().note_backlog(io::read_clock(), workers_wait_);
        events_.try_again();
        look_at_connections();
        flush();
        if (auto restarted = keeper_.on_tick(io::read_clock())) tell(std::move(*restarted));
        carry_out();
        if (publications_.due() <= io::read_clock().instant) publish();
    }
    keeper_.core().stop(io::read_clock());
    carry_out();
    publish();
    const Instant give_up = io::read_clock().instant + flush_max;
    while (!all_sent() && io::read_clock().instant < give_up) {
        io::Poller().wait(SendQueues::flush_interval_min);
        flush();
    }
    io::log_info("ended; VMs keep running, requests under way go on when the broker is back");
}

void BrokerShell::drain(Side side) {
    io::Socket& socket = side == Side::clients ? clients_ : workers_;
    const bool with_keys = asks_for_keys(side == Side::clients ? securities_.clients : securities_.workers);
    const Now now = io::read_clock();
    std::size_t told_bytes = 0;
    const auto has_time = [&](std::size_t taken) {
        return taken % messages_per_look != 0 || io::read_clock().instant < now.instant + turn_max;
    };
    for (std::size_t i = 0; i < messages_per_turn_max && has_time(i); ++i) {
        BrokerCore& core = keeper_.core();  // after carry_out() it may be another one
        if (!socket.receive_into(received_, with_keys)) return;
        const std::span<std::string> frames = received_.frames;
        const auto sender = caller_of(PeerId{frames.front()}, received_.key, with_keys);
        if (!sender) {
            io::log_debug("dropped a message without its sender's key");
            continue;
        }
        const Caller& caller = *sender;
        if (caller.key) connections_.heard(received_.descriptor, *caller.key);
        const std::span<std::string> message = frames.subspan(1);
        if (side == Side::clients) {
            core.on_client_frames(now, caller, message, to_clients_.is_behind(caller.peer));
            if (told_bytes + core.output_bytes() > output_bytes_per_turn_max) return;
        } else {
            core.on_worker_frames(now, caller, message);
        }
        if (i % messages_per_tell == messages_per_tell - 1 && !core.has_changes()) {
            told_bytes += core.output_bytes();
            carry_out();
        }
    }
    if (side == Side::workers) workers_wait_ = true;
}

void BrokerShell::flush() {
    const Now now = io::read_clock();
    for (const PeerId& peer : to_clients_.flush(now.instant)) keeper_.core().on_client_gone(now, peer);
    for (const PeerId& peer : to_workers_.flush(now.instant)) keeper_.core().on_worker_gone(now, peer);
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
    if (effects.rebind_events) events_.begin_anew();
    publications_.add(std::move(effects.events));
    const BrokerCore& core = keeper_.core();
    if (effects.beacon) publications_.add(protocol::Beacon{core.cloud(), core.epoch(), core.events().last()});
    if (publications_.due() <= io::read_clock().instant) publish();
    send_all(Side::clients, std::move(effects.to_clients));
    send_all(Side::workers, std::move(effects.to_workers));
    for (const LogLine& line : effects.log) write_log(line);
}

void BrokerShell::publish() {
    using protocol::Verb;
    auto due = publications_.take(io::read_clock().instant, events_.by_owner());
    for (auto& [topic, batch] : due.messages)
        events_.publish(broadcast(std::move(topic), Verb::events_published, protocol::encode(batch)));
    if (!due.beacon) return;
    events_.publish(broadcast(protocol::topic_beacon, Verb::event_beacon, protocol::encode(*due.beacon)));
}

void BrokerShell::send_all(Side side, std::vector<Outgoing> messages) {
    SendQueues& queues = side == Side::clients ? to_clients_ : to_workers_;
    std::set<PeerId> gone;
    std::set<JobId> stuck;
    for (Outgoing& outgoing : messages) {
        if (gone.contains(outgoing.to)) continue;
        // A node's orders don't wait behind what one client sends into a stream.
        const protocol::Header header = outgoing.message.header;
        const bool to_worker = side == Side::workers;
        if (to_worker && can_be_left_out(header) && queues.relayed_behind(outgoing.to)) {
            stuck.insert(protocol::as_job_id(header.id));
            continue;
        }
        if (!queues.push(outgoing.to, std::move(outgoing.message), to_worker && is_relayed(header)))
            gone.insert(outgoing.to);
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
    for (const JobId job : stuck) keeper_.core().on_stream_stuck(now, job);
}

}  // namespace mc::broker
