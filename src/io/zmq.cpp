#include "io/zmq.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <nss.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <zmq.hpp>

#include "base/assert.hpp"
#include "io/errno_text.hpp"
#include "io/random.hpp"

namespace mc::io {
namespace {

/// ZMQ_ZAP_ENFORCE_DOMAIN: known to libzmq 4.3 as it is built, but declared in its headers only where drafts are.
constexpr int zap_enforce_domain = 93;

}  // namespace

struct Context::Impl {
    explicit Impl(int io_threads) : context(io_threads) {}
    zmq::context_t context;
};

Context::Context(int io_threads) {
    // A libzmq with PGM, as Debian's, asks for that protocol's number in each process, by way of whatever name services
    // are configured: with Debian's "db files" that is a hundred places at which no library of that name is, and a
    // twentieth of the time that mccli takes for a list.
    __nss_configure_lookup("protocols", "files");
    impl_ = std::make_unique<Impl>(io_threads);
    // A ROUTER's first routing id is of rand(), which libzmq 4.3.4 never seeds: it would be the same in every process,
    // and who knows the next one can end this one (pitfalls 4).
    std::srand(static_cast<unsigned>(random_u64()));
}
Context::~Context() = default;
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;
void* Context::handle() const {
    return impl_->context.handle();
}

struct Socket::Impl {
    zmq::socket_t socket;
    std::size_t frames_kept_max;
    bool is_router;

    Impl(zmq::context_t& context, zmq::socket_type type, const SocketOptions& options)
        : socket(context, type), frames_kept_max(options.frames_kept_max), is_router(type == zmq::socket_type::router) {
        const auto ms = [](milliseconds value) { return static_cast<int>(value.count()); };
        using namespace zmq::sockopt;
        socket.set(maxmsgsize, static_cast<std::int64_t>(options.message_bytes_max));
        socket.set(sndhwm, options.send_messages_max);
        socket.set(rcvhwm, options.receive_messages_max);
        socket.set(zmq::sockopt::linger, ms(options.linger));
        socket.set(heartbeat_ivl, ms(options.heartbeat_interval));
        socket.set(zmq::sockopt::heartbeat_timeout, ms(options.heartbeat_timeout));
        socket.set(handshake_ivl, ms(options.handshake_timeout));
        socket.set(reconnect_ivl, ms(options.reconnect_min));
        socket.set(reconnect_ivl_max, ms(options.reconnect_max));
        // Also finds a peer whose machine went away while ZMTP heartbeats wait behind unsent data.
        socket.set(tcp_keepalive, 1);
        socket.set(tcp_keepalive_idle, 30);
        socket.set(tcp_keepalive_intvl, 10);
        socket.set(tcp_keepalive_cnt, 3);
        if (options.io_thread) socket.set(affinity, std::uint64_t{1} << *options.io_thread);
        if (is_router) socket.set(router_mandatory, true);
        if (type == zmq::socket_type::dealer) socket.set(immediate, options.only_when_connected);
        if (type == zmq::socket_type::xpub) socket.set(xpub_manual, 1);
        secure(options.security);
    }

    void secure(const Security& security) {
        const auto keys = [this](const KeyPair& own) {
            socket.set(zmq::sockopt::curve_publickey, zmq::buffer(own.pub.value));
            socket.set(zmq::sockopt::curve_secretkey, zmq::buffer(own.secret.view()));
        };
        if (const auto* server = std::get_if<CurveServer>(&security)) {
            socket.set(zmq::sockopt::curve_server, true);
            // With a domain of no name the library would ask no ZapHandler, and let everybody in.
            MC_ASSERT(!server->domain.empty());
            socket.set(zmq::sockopt::zap_domain, server->domain);
            // Without a ZapHandler nobody is let in then, rather than everybody. A build that does not know it is
            // found out by probe_as_stranger().
            const int on = 1;
            static_cast<void>(zmq_setsockopt(socket.handle(), zap_enforce_domain, &on, sizeof on));
            keys(server->own);
        } else if (const auto* client = std::get_if<CurveClient>(&security)) {
            socket.set(zmq::sockopt::curve_serverkey, zmq::buffer(client->server.value));
            keys(client->own);
        }
    }
};

namespace {

/// Whether IPv6 shall be tried. Not for IPv4 addresses, which libzmq would map,
/// nor for localhost: it takes the first address only, and that would be ::1
/// where everybody listens on 127.0.0.1.
bool wants_ipv6(const std::string& endpoint) {
    if (endpoint.rfind("tcp://", 0) != 0) return false;
    const std::string host = endpoint.substr(6, endpoint.rfind(':') - 6);
    return host != "localhost" && host.find_first_not_of("0123456789.") != std::string::npos;
}

/// Whether a tcp endpoint ends in a port that is one: libzmq takes 99999 for 34463.
bool has_usable_port(const std::string& endpoint) {
    if (endpoint.rfind("tcp://", 0) != 0) return true;
    const std::string port = endpoint.substr(endpoint.rfind(':') + 1);
    if (port == "*") return true;
    constexpr std::size_t digits_max = 5;
    return !port.empty() && port.size() <= digits_max && port.find_first_not_of("0123456789") == std::string::npos &&
           std::stoul(port) <= 65535;
}

std::string ipc_path(const std::string& endpoint) {
    // "ipc://@name" is Linux's abstract name space and "ipc://*" a name that libzmq picks: neither is a file of ours.
    if (endpoint.rfind("ipc://", 0) != 0) return {};
    const std::string path = endpoint.substr(6);
    return path.empty() || path[0] == '@' || path == "*" ? std::string() : path;
}

/// Whether somebody accepts connections at a unix socket.
bool somebody_listens(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return true;  // can't tell: leave it alone
    const int outcome = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = errno;
    ::close(fd);
    // EAGAIN: its backlog is full, so there is someone.
    return outcome == 0 || (error != ECONNREFUSED && error != ENOENT);
}

tl::unexpected<Error> endpoint_error(const std::string& endpoint) {
    return fail(ErrorCode::invalid_argument,
                "\"" + endpoint + "\" is not an endpoint; write tcp://ADDRESS:PORT or ipc://PATH");
}

tl::unexpected<Error> bind_error(const std::string& endpoint, int error) {
    const std::string start = "nothing can listen at " + endpoint + ": ";
    switch (error) {
        case EADDRINUSE:
            return fail(ErrorCode::io_failed,
                        start + "the address is in use; stop the program that has it, or choose another port");
        case EACCES:
        case EPERM:
            return fail(ErrorCode::io_failed,
                        start + "permission denied; choose a port over 1023 or a directory of this user");
        case EADDRNOTAVAIL:
        case ENODEV:
            return fail(ErrorCode::io_failed, start + "this machine has no such address; use one of its own, or *");
        case EINVAL:
        case EPROTONOSUPPORT:
        case ENOCOMPATPROTO:
            return endpoint_error(endpoint);
        default:
            return fail(ErrorCode::io_failed, start + zmq_strerror(error));
    }
}

/// A socket that listens there, as libzmq makes one. -1: see errno. REQUIRES: tcp://NUMBERS:PORT.
int listening_socket(const std::string& endpoint) {
    std::string host = endpoint.substr(6, endpoint.rfind(':') - 6);
    const auto port = htons(static_cast<std::uint16_t>(std::stoul(endpoint.substr(endpoint.rfind(':') + 1))));
    sockaddr_in6 six{};
    sockaddr_in four{};
    const bool is_six = host.size() > 2 && host.front() == '[';
    if (is_six) {
        six.sin6_family = AF_INET6;
        six.sin6_port = port;
        host = host.substr(1, host.size() - 2);
    } else {
        four.sin_family = AF_INET;
        four.sin_port = port;
    }
    void* bytes = is_six ? static_cast<void*>(&six.sin6_addr) : &four.sin_addr;
    if (inet_pton(is_six ? AF_INET6 : AF_INET, host.c_str(), bytes) != 1) {
        errno = EINVAL;
        return -1;
    }
    const int fd = ::socket(is_six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0) return -1;
    const int on = 1;
    const int off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (is_six) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    const auto* address = is_six ? reinterpret_cast<const sockaddr*>(&six) : reinterpret_cast<const sockaddr*>(&four);
    constexpr int backlog = 100;  // ZMQ_BACKLOG's default
    if (::bind(fd, address, is_six ? sizeof six : sizeof four) == 0 && ::listen(fd, backlog) == 0) return fd;
    const int error = errno;
    ::close(fd);
    errno = error;
    return -1;
}

}  // namespace

Socket::Socket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Socket::~Socket() = default;
Socket::Socket(Socket&&) noexcept = default;
Socket& Socket::operator=(Socket&&) noexcept = default;
void* Socket::handle() const {
    return impl_->socket.handle();
}

namespace {

/// What the ZapHandler said of the connection that a frame came over.
std::optional<PublicKey> key_of(zmq_msg_t* frame) {
    const char* user = zmq_msg_gets(frame, "User-Id");
    if (user == nullptr) return std::nullopt;
    const auto key = public_key_from_z85(user);
    if (!key) return std::nullopt;
    return *key;
}

/// Of the connection that a frame came over; -1 when the library does not say. It calls this deprecated, since the
/// descriptor may be closed by then; there is no other way from a message to its connection.
int descriptor_of(zmq_msg_t* frame) {
    return zmq_msg_get(frame, ZMQ_SRCFD);
}

/// A program makes these at its start: that the library has none to give (no file
/// descriptors left) is not something it could go on from.
template <class Impl>
std::unique_ptr<Impl> make_socket(zmq::context_t& context, zmq::socket_type type, const SocketOptions& options) {
    try {
        return std::make_unique<Impl>(context, type, options);
    } catch (const zmq::error_t&) {
        detail::assertion_failed("ZeroMQ can make a socket (are there file descriptors left?)", __FILE__, __LINE__);
    }
}

}  // namespace

Socket Socket::router(Context& context, const SocketOptions& options) {
    return Socket(make_socket<Impl>(context.impl_->context, zmq::socket_type::router, options));
}
Socket Socket::dealer(Context& context, const SocketOptions& options) {
    return Socket(make_socket<Impl>(context.impl_->context, zmq::socket_type::dealer, options));
}
Socket Socket::pub(Context& context, const SocketOptions& options) {
    return Socket(make_socket<Impl>(context.impl_->context, zmq::socket_type::pub, options));
}
Result<Socket> Socket::xpub(Context& context, const SocketOptions& options) {
    try {
        return Socket(std::make_unique<Impl>(context.impl_->context, zmq::socket_type::xpub, options));
    } catch (const zmq::error_t& error) {
        return fail(ErrorCode::io_failed, std::string("no socket can be made: ") + error.what());
    }
}
Socket Socket::pair(Context& context, const SocketOptions& options) {
    return Socket(make_socket<Impl>(context.impl_->context, zmq::socket_type::pair, options));
}
Socket Socket::sub(Context& context, const SocketOptions& options) {
    return Socket(make_socket<Impl>(context.impl_->context, zmq::socket_type::sub, options));
}

Result<void> Socket::bind(const std::string& endpoint) {
    if (!has_usable_port(endpoint)) return endpoint_error(endpoint);
    const std::string path = ipc_path(endpoint);
    if (!path.empty()) {
        struct stat status {};
        const bool there = ::lstat(path.c_str(), &status) == 0;
        if (there && !S_ISSOCK(status.st_mode)) {
            return fail(ErrorCode::io_failed,
                        "nothing can listen at " + endpoint + ": a file of another kind is there; choose another path");
        }
        // libzmq itself removes whatever is there, so a second program would silently take the first one's place.
        if (there && somebody_listens(path)) return bind_error(endpoint, EADDRINUSE);
    }
    impl_->socket.set(zmq::sockopt::ipv6, wants_ipv6(endpoint));
    // The mode is set by the umask and not by chmod afterwards: in between others could connect.
    const mode_t umask_before = path.empty() ? 0 : ::umask(0177);
    const int outcome = zmq_bind(handle(), endpoint.c_str());
    const int error = zmq_errno();
    if (!path.empty()) ::umask(umask_before);
    if (outcome != 0) return bind_error(endpoint, error);
    return {};
}

Result<void> Socket::bind_again(const std::string& endpoint) {
    // libzmq's bind asks for the machine's interfaces first, and asserts that there is a descriptor for that.
    const int fd = listening_socket(endpoint);
    if (fd < 0) return bind_error(endpoint, errno);
    impl_->socket.set(zmq::sockopt::ipv6, wants_ipv6(endpoint));
    impl_->socket.set(zmq::sockopt::use_fd, fd);  // it is libzmq's from here on
    if (zmq_bind(handle(), endpoint.c_str()) != 0) return bind_error(endpoint, zmq_errno());
    return {};
}

Result<void> Socket::connect(const std::string& endpoint) {
    if (!has_usable_port(endpoint)) return endpoint_error(endpoint);
    impl_->socket.set(zmq::sockopt::ipv6, wants_ipv6(endpoint));
    if (zmq_connect(handle(), endpoint.c_str()) == 0) return {};
    return endpoint_error(endpoint);
}

void Socket::subscribe(const std::string& prefix) {
    MC_ASSERT(zmq_setsockopt(handle(), ZMQ_SUBSCRIBE, prefix.data(), prefix.size()) == 0);
}

std::optional<std::vector<std::string>> Socket::receive() {
    Received received;
    if (!receive_into(received, false)) return std::nullopt;
    return std::move(received.frames);
}

bool Socket::receive_into(Received& received, bool with_key) {
    received.key.reset();
    received.descriptor = -1;
    std::size_t count = 0;
    zmq::message_t frame;
    bool more = true;
    while (more) {
        if (zmq_msg_recv(frame.handle(), handle(), ZMQ_DONTWAIT) < 0) {
            // Frames of one message come together, so only the first can be missing.
            if (zmq_errno() == EINTR) continue;
            return false;
        }
        more = frame.more();
        if (count == impl_->frames_kept_max) continue;
        if (count == received.frames.size()) received.frames.emplace_back();
        received.frames[count++].assign(frame.data<char>(), frame.size());
        // Of the last one that is kept: each look is two of the library's, with a string made for each.
        if (with_key && (!more || count == impl_->frames_kept_max)) {
            received.key = key_of(frame.handle());
            received.descriptor = descriptor_of(frame.handle());
        }
    }
    received.frames.resize(count);
    return true;
}

std::optional<FromSubscriber> Socket::receive_subscription() {
    zmq::message_t frame;
    int size = -1;
    do {
        size = zmq_msg_recv(frame.handle(), handle(), ZMQ_DONTWAIT);
    } while (size < 0 && zmq_errno() == EINTR);
    if (size < 0) return std::nullopt;
    return FromSubscriber{frame.to_string(), key_of(frame.handle()), descriptor_of(frame.handle())};
}

SendOutcome Socket::send(const std::vector<std::string>& frames) {
    const std::vector<std::string_view> views(frames.begin(), frames.end());
    return send(views);
}

SendOutcome Socket::send(std::span<const std::string_view> frames) {
    MC_ASSERT(!frames.empty());
    SendOutcome outcome = SendOutcome::sent;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        const int more = i + 1 < frames.size() ? ZMQ_SNDMORE : 0;
        int done = -1;
        do {
            done = zmq_send(handle(), frames[i].data(), frames[i].size(), ZMQ_DONTWAIT | more);
        } while (done < 0 && zmq_errno() == EINTR);
        if (done >= 0) continue;
        const int error = zmq_errno();
        outcome = error == EAGAIN ? SendOutcome::would_block : SendOutcome::unreachable;
        if (i == 0) return outcome;
        // The connection went away half-way: libzmq throws away what is left of this message, but it must be
        // given all of it, or the next message would begin in the middle of this one.
    }
    return outcome;
}

std::string Socket::last_endpoint() const {
    return impl_->socket.get(zmq::sockopt::last_endpoint);
}

}  // namespace mc::io
