#include "io/connector.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "io/clock.hpp"
#include "io/errno_text.hpp"

namespace mc::io {
namespace {

constexpr int resolvers_max = 8;
constexpr std::size_t addresses_max = 8;

struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
};

Result<std::vector<Address>> resolve(const std::string& host, std::uint16_t port, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int outcome = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (outcome != 0) {
        return fail(ErrorCode::io_failed, std::string("the host name is not known (") + gai_strerror(outcome) + ")");
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
    std::vector<Address> addresses;
    for (const addrinfo* one = found; one != nullptr && addresses.size() < addresses_max; one = one->ai_next) {
        Address address;
        std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
        address.length = one->ai_addrlen;
        addresses.push_back(address);
    }
    return addresses;
}

/// What the helper thread and the loop share; whoever is last frees it.
struct Lookup {
    ~Lookup() {
        if (event_fd >= 0) ::close(event_fd);
    }
    int event_fd = -1;
    std::mutex mutex;
    std::optional<Result<std::vector<Address>>> answer;

    Result<std::vector<Address>> take() {
        const std::lock_guard lock(mutex);
        return std::move(*answer);
    }
};

std::atomic<int> resolvers_running{0};

/// nullptr when too many are under way, or there is no descriptor or thread to be had.
std::shared_ptr<Lookup> start_lookup(const std::string& host, std::uint16_t port) {
    if (resolvers_running.fetch_add(1) >= resolvers_max) {
        resolvers_running.fetch_sub(1);
        return nullptr;
    }
    auto lookup = std::make_shared<Lookup>();
    lookup->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    try {
        if (lookup->event_fd < 0) throw std::system_error(errno, std::generic_category());
        // Detached: getaddrinfo can't be called off, and nobody shall wait for it.
        std::thread([lookup, host, port] {
            auto answer = resolve(host, port, 0);
            {
                const std::lock_guard lock(lookup->mutex);
                lookup->answer = std::move(answer);
            }
            eventfd_write(lookup->event_fd, 1);
            resolvers_running.fetch_sub(1);
        }).detach();
    } catch (const std::system_error&) {
        resolvers_running.fetch_sub(1);
        return nullptr;
    }
    return lookup;
}

}  // namespace

struct Connector::Impl : std::enable_shared_from_this<Impl> {
    Impl(Poller& p, Handler h) : poller(p), handler(std::move(h)) {}
    ~Impl() { stop(); }

    Poller& poller;
    Handler handler;
    Instant deadline = Instant::never();
    Instant attempt_deadline = Instant::never();
    Poller::SourceId source = 0;
    std::shared_ptr<Lookup> lookup;
    std::vector<Address> addresses;
    std::size_t next_address = 0;
    int fd = -1;
    bool fd_polled = false;
    std::optional<Result<int>> outcome;  ///< to be told in the next turn
    std::string last_reason = "no address to connect to";

    void begin(const ConnectTarget& target, milliseconds timeout) {
        deadline = read_clock().instant + timeout;
        source = poller.add_deadlines([this] { return outcome ? Instant{} : std::min(deadline, attempt_deadline); },
                                      [this](Instant now) { on_deadline(now); });
        if (!target.path.empty()) {
            begin_unix(target.path);
        } else {
            begin_host(target.host, target.port);
        }
    }

    void begin_unix(const std::string& path) {
        Address address;
        auto* unix_address = reinterpret_cast<sockaddr_un*>(&address.storage);
        if (path.size() >= sizeof unix_address->sun_path) {
            outcome = fail(ErrorCode::io_failed, "the socket's path is too long");
            return;
        }
        unix_address->sun_family = AF_UNIX;
        std::memcpy(unix_address->sun_path, path.c_str(), path.size());
        address.length = sizeof(sockaddr_un);
        addresses.push_back(address);
        try_next();
    }

    void begin_host(const std::string& host, std::uint16_t port) {
        if (host == "localhost") {
            // Not looked up, and IPv4 first: that is where Docker publishes ports for it.
            for (const char* address : {"127.0.0.1", "::1"}) {
                if (auto found = resolve(address, port, AI_NUMERICHOST)) addresses.push_back(found->front());
            }
            try_next();
            return;
        }
        if (auto found = resolve(host, port, AI_NUMERICHOST)) {
            addresses = std::move(*found);
            try_next();
            return;
        }
        lookup = start_lookup(host, port);
        if (!lookup) {
            outcome = fail(ErrorCode::io_failed, "too many host names are being looked up already");
            return;
        }
        poller.add_fd(lookup->event_fd, {.read = true}, [this](Readiness) { on_lookup(); });
    }

    void on_lookup() {
        const auto keep = shared_from_this();
        const auto done = std::exchange(lookup, nullptr);
        poller.remove_fd(done->event_fd);
        auto answer = done->take();
        if (!answer) {
            tell(tl::unexpected(answer.error()));
            return;
        }
        addresses = std::move(*answer);
        try_next();
    }

    /// Begins with the next address; leaves an outcome when there is none.
    void try_next() {
        close_attempt();
        while (next_address < addresses.size()) {
            const Address& address = addresses[next_address++];
            fd = ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
            if (fd < 0) {
                last_reason = errno_text(errno);
                continue;
            }
            // Else a second small piece waits 40 ms for the delayed acknowledgement of the first.
            const int on = 1;
            if (address.storage.ss_family != AF_UNIX) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            if (::connect(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0) {
                outcome = std::exchange(fd, -1);
                return;
            }
            if (errno == EINPROGRESS) {
                const Instant now = read_clock().instant;
                const auto left = static_cast<std::int64_t>(addresses.size() - next_address + 1);
                attempt_deadline = now + milliseconds(std::max<std::int64_t>((deadline - now).count() / left, 1));
                poller.add_fd(fd, {.read = false, .write = true}, [this](Readiness) { on_connected(); });
                fd_polled = true;
                return;
            }
            // EAGAIN of a unix socket: its backlog is full.
            last_reason = errno == EAGAIN ? "it accepts no more connections" : errno_text(errno);
            close_attempt();
        }
        outcome = fail(ErrorCode::io_failed, last_reason);
    }

    void on_connected() {
        const auto keep = shared_from_this();
        int error = 0;
        socklen_t length = sizeof error;
        if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
        if (error != 0) {
            last_reason = errno_text(error);
            try_next();
            return;
        }
        poller.remove_fd(fd);
        fd_polled = false;
        tell(std::exchange(fd, -1));
    }

    void on_deadline(Instant now) {
        const auto keep = shared_from_this();
        if (outcome) {
            auto told = std::move(*outcome);
            outcome.reset();
            tell(std::move(told));
        } else if (now >= deadline) {
            tell(fail(ErrorCode::deadline_exceeded, lookup ? "the host name was not found in time" : "no answer"));
        } else if (now >= attempt_deadline) {
            last_reason = "no answer";
            try_next();
        }
    }

    /// The end: whoever calls it must touch nothing afterwards that keep doesn't hold.
    void tell(Result<int> result) {
        const Handler told = std::move(handler);
        stop();
        told(std::move(result));
    }

    void close_attempt() {
        attempt_deadline = Instant::never();
        if (fd < 0) return;
        if (fd_polled) poller.remove_fd(fd);
        fd_polled = false;
        ::close(std::exchange(fd, -1));
    }

    void stop() {
        close_attempt();
        if (source != 0) poller.remove_deadlines(std::exchange(source, 0));
        if (lookup) {
            poller.remove_fd(lookup->event_fd);
            lookup.reset();
        }
        if (outcome && *outcome) ::close(**outcome);
        outcome.reset();
    }
};

Connector::Connector(Poller& poller, const ConnectTarget& target, milliseconds timeout, Handler handler)
    : impl_(std::make_shared<Impl>(poller, std::move(handler))) {
    impl_->begin(target, timeout);
}

Connector::~Connector() {
    impl_->stop();
}

}  // namespace mc::io
