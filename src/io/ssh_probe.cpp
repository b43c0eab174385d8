#include "io/ssh_probe.hpp"

#include <libssh2.h>
#include <sodium/utils.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/assert.hpp"
#include "base/big_endian.hpp"
#include "io/clock.hpp"
#include "io/connector.hpp"
#include "io/errno_text.hpp"

namespace mc::io {
namespace {

/// More than the largest packet of RFC 4253; OpenSSH sends 2 KiB up to its host key.
constexpr std::size_t received_bytes_max = 40 * 1024;

/// ed25519 first: it is the one that a VM's report has.
constexpr std::array<std::string_view, 7> host_key_types{
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256",
    "ssh-rsa"};
/// None in which the server chooses how much we have to reckon.
constexpr std::array<std::string_view, 6> key_exchanges{"curve25519-sha256",  "curve25519-sha256@libssh.org",
                                                        "ecdh-sha2-nistp256", "ecdh-sha2-nistp384",
                                                        "ecdh-sha2-nistp521", "diffie-hellman-group14-sha256"};

/// Only of what this libssh2 knows: 1.10 takes the others out of a list by a copy onto itself. False: it knows none.
bool prefer(LIBSSH2_SESSION* session, int method, std::span<const std::string_view> wanted) {
    const char** known = nullptr;
    const int count = libssh2_session_supported_algs(session, method, &known);
    if (count <= 0) return false;
    std::string list;
    for (const std::string_view name : wanted) {
        if (std::find(known, known + count, name) == known + count) continue;
        list += (list.empty() ? "" : ",") + std::string(name);
    }
    libssh2_free(session, known);
    return !list.empty() && libssh2_session_method_pref(session, method, list.c_str()) == 0;
}

struct SessionDeleter {
    void operator()(LIBSSH2_SESSION* session) const { libssh2_session_free(session); }
};

/// What came of a server; libssh2 reads through receive(), which keeps it from an endless one.
struct Incoming {
    std::size_t bytes = 0;
    bool closed = false;
    int error = 0;
    bool broken_off = false;  ///< by us: for libssh2 the connection is gone
};

ssize_t receive(libssh2_socket_t fd, void* buffer, size_t length, int /*flags*/, void** abstract) {
    auto& incoming = *static_cast<Incoming*>(*abstract);
    if (incoming.broken_off) return -ECONNRESET;
    if (incoming.bytes >= received_bytes_max) return -EMSGSIZE;
    const ssize_t got = ::recv(fd, buffer, std::min(length, received_bytes_max - incoming.bytes), MSG_DONTWAIT);
    if (got > 0) incoming.bytes += static_cast<std::size_t>(got);
    if (got == 0) incoming.closed = true;
    if (got >= 0) return got;
    if (errno == EINTR || errno == EAGAIN) return -EAGAIN;
    incoming.error = errno;
    return -errno;
}

ssize_t transmit(libssh2_socket_t fd, const void* buffer, size_t length, int /*flags*/, void** abstract) {
    if (static_cast<const Incoming*>(*abstract)->broken_off) return -ECONNRESET;
    const ssize_t sent = ::send(fd, buffer, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) return sent;
    return errno == EINTR || errno == EAGAIN ? -EAGAIN : -errno;
}

void set_callbacks(LIBSSH2_SESSION* session) {
#if LIBSSH2_VERSION_NUM >= 0x010b01
    libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_RECV, reinterpret_cast<libssh2_cb_generic*>(&receive));
    libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_SEND, reinterpret_cast<libssh2_cb_generic*>(&transmit));
#else
    libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, reinterpret_cast<void*>(&receive));
    libssh2_session_callback_set(session, LIBSSH2_CALLBACK_SEND, reinterpret_cast<void*>(&transmit));
#endif
}

}  // namespace

std::string host_key_line(std::string_view blob) {
    constexpr std::size_t length_bytes = sizeof(std::uint32_t);
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-@.";
    if (blob.size() < length_bytes) return {};
    const std::size_t length = load_big_endian<std::uint32_t>(blob.data());
    const std::string_view type = blob.substr(length_bytes, length);
    if (type.empty() || type.size() < length || type.find_first_not_of(letters) != std::string_view::npos) return {};
    std::string text(sodium_base64_ENCODED_LEN(blob.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
    sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(blob.data()), blob.size(),
                      sodium_base64_VARIANT_ORIGINAL);
    text.pop_back();  // its terminator
    return std::string(type) + " " + text;
}

struct SshProbe::Impl {
    struct Probe {
        std::string where;
        Handler handler;
        Instant deadline;
        bool shaking_hands = false;  ///< libssh2 is in the middle of it
        std::unique_ptr<Connector> connector;
        int fd = -1;
        std::unique_ptr<Incoming> incoming = std::make_unique<Incoming>();  ///< libssh2 keeps its address
        std::unique_ptr<LIBSSH2_SESSION, SessionDeleter> session;
    };

    explicit Impl(Poller& p) : poller(p) {
        source = poller.add_deadlines([this] { return next_deadline(); }, [this](Instant now) { expire(now); });
    }
    ~Impl() {
        poller.remove_deadlines(source);
        for (auto& [id, probe] : probes) close_fd(probe);
    }

    Poller& poller;
    Poller::SourceId source = 0;
    std::map<ProbeId, Probe> probes;

    /// Without the protocol's good-bye: sshd must not hold the place of a connection that nobody logs in on.
    void close_fd(Probe& probe) {
        if (probe.fd < 0) return;
        if (probe.shaking_hands) {
            // libssh2_session_free forgets what a key exchange has allocated; one that fails frees that itself.
            probe.incoming->broken_off = true;
            static_cast<void>(libssh2_session_handshake(probe.session.get(), probe.fd));
        }
        probe.session.reset();
        poller.remove_fd(probe.fd);
        ::close(std::exchange(probe.fd, -1));
    }

    /// Only what shakes hands: the connector keeps its own time.
    [[nodiscard]] Instant next_deadline() const {
        Instant next = Instant::never();
        for (const auto& [id, probe] : probes) {
            if (probe.fd >= 0) next = std::min(next, probe.deadline);
        }
        return next;
    }

    void expire(Instant now) {
        std::vector<ProbeId> late;
        for (const auto& [id, probe] : probes) {
            if (probe.fd >= 0 && probe.deadline <= now) late.push_back(id);
        }
        for (const ProbeId id : late) {
            const bool said_nothing = probes.at(id).incoming->bytes == 0;
            finish_failed(id, said_nothing ? "it accepts connections and says nothing"
                                           : "it stops in the middle of the SSH handshake");
        }
    }

    void on_connected(ProbeId id, Result<int> fd) {
        const auto at = probes.find(id);
        MC_ASSERT(at != probes.end());
        if (!fd) return finish_failed(id, fd.error().message);
        Probe& probe = at->second;
        probe.fd = *fd;
        poller.add_fd(*fd, {.read = true, .write = true}, [this, id](Readiness) { shake_hands(id); });
        probe.session.reset(libssh2_session_init_ex(nullptr, nullptr, nullptr, probe.incoming.get()));
        LIBSSH2_SESSION* session = probe.session.get();
        if (!session || !prefer(session, LIBSSH2_METHOD_HOSTKEY, host_key_types) ||
            !prefer(session, LIBSSH2_METHOD_KEX, key_exchanges)) {
            return finish_failed(id, "an SSH session can't be made on this machine");
        }
        libssh2_session_set_blocking(session, 0);
        set_callbacks(session);
    }

    void shake_hands(ProbeId id) {
        Probe& probe = probes.at(id);
        LIBSSH2_SESSION* session = probe.session.get();
        const int outcome = libssh2_session_handshake(session, probe.fd);
        probe.shaking_hands = outcome == LIBSSH2_ERROR_EAGAIN;
        if (outcome == LIBSSH2_ERROR_EAGAIN) {
            const bool writes = (libssh2_session_block_directions(session) & LIBSSH2_SESSION_BLOCK_OUTBOUND) != 0;
            return poller.modify_fd(probe.fd, {.read = true, .write = writes});
        }
        // An SSH server with none of our algorithms: its key stays its secret, and it answers.
        if (outcome == LIBSSH2_ERROR_KEX_FAILURE) return finish(id, std::string());
        if (outcome != 0) return finish_failed(id, reason_of(probe));
        std::size_t size = 0;
        int type = 0;
        const char* key = libssh2_session_hostkey(session, &size, &type);
        finish(id, key ? host_key_line({key, size}) : std::string());
    }

    static std::string reason_of(const Probe& probe) {
        const Incoming& incoming = *probe.incoming;
        if (incoming.bytes >= received_bytes_max) return "it sends without end instead of shaking hands";
        if (incoming.error != 0) return errno_text(incoming.error);
        if (incoming.closed && incoming.bytes == 0) return "it closes connections without a word";
        if (incoming.closed) return "it closes connections before the SSH handshake is over";
        char* words = nullptr;
        libssh2_session_last_error(probe.session.get(), &words, nullptr, 0);
        return "it does not speak SSH as it should: " + std::string(words ? words : "no reason is known");
    }

    void finish_failed(ProbeId id, const std::string& reason) {
        const std::string where = probes.at(id).where;
        finish(id, fail(ErrorCode::ssh_not_answering, where + " does not answer: " + reason));
    }

    void finish(ProbeId id, Result<std::string> result) {
        auto node = probes.extract(id);  // before the handler: it may start another under the same id
        close_fd(node.mapped());
        const Handler handler = std::move(node.mapped().handler);
        handler(std::move(result));
    }
};

SshProbe::SshProbe(Poller& poller) : impl_(std::make_unique<Impl>(poller)) {}
SshProbe::~SshProbe() = default;

void SshProbe::start(ProbeId id, const std::string& host, std::uint16_t port, milliseconds timeout, Handler handler) {
    MC_ASSERT(handler != nullptr && !impl_->probes.contains(id));
    auto& probe = impl_->probes[id];
    probe.where = (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port);
    probe.handler = std::move(handler);
    probe.deadline = read_clock().instant + timeout;
    probe.connector =
        std::make_unique<Connector>(impl_->poller, ConnectTarget{"", host, port}, timeout,
                                    [impl = impl_.get(), id](Result<int> fd) { impl->on_connected(id, fd); });
}

void SshProbe::cancel(ProbeId id) {
    auto node = impl_->probes.extract(id);
    if (!node.empty()) impl_->close_fd(node.mapped());
}

}  // namespace mc::io
