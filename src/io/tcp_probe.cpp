#include "io/tcp_probe.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "base/assert.hpp"
#include "io/clock.hpp"
#include "io/connector.hpp"
#include "io/errno_text.hpp"

namespace mc::io {
namespace {

constexpr std::size_t banner_bytes_max = 255;

}  // namespace

struct TcpProbe::Impl {
    struct Probe {
        std::string where;
        Handler handler;
        Instant deadline;
        std::unique_ptr<Connector> connector;
        int fd = -1;
        std::string read;
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

    void close_fd(Probe& probe) {
        if (probe.fd < 0) return;
        poller.remove_fd(probe.fd);
        ::close(std::exchange(probe.fd, -1));
    }

    /// Only what waits for a banner: the connector keeps its own time.
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
        for (const ProbeId id : late) finish_failed(id, "it accepts connections and says nothing");
    }

    void on_connected(ProbeId id, Result<int> fd) {
        const auto at = probes.find(id);
        MC_ASSERT(at != probes.end());
        if (!fd) {
            finish_failed(id, fd.error().message);
            return;
        }
        at->second.fd = *fd;
        poller.add_fd(*fd, {.read = true}, [this, id](Readiness) { on_readable(id); });
    }

    void on_readable(ProbeId id) {
        Probe& probe = probes.at(id);
        char block[banner_bytes_max];
        const ssize_t got = ::recv(probe.fd, block, sizeof block - probe.read.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got > 0) probe.read.append(block, static_cast<std::size_t>(got));
        const std::size_t end = probe.read.find('\n');
        if (got > 0 && end == std::string::npos && probe.read.size() < banner_bytes_max) return;
        if (probe.read.empty()) {
            finish_failed(id, got < 0 ? errno_text(errno) : "it closes connections without a word");
            return;
        }
        std::string banner = probe.read.substr(0, end);
        if (!banner.empty() && banner.back() == '\r') banner.pop_back();
        finish(id, std::move(banner));
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

TcpProbe::TcpProbe(Poller& poller) : impl_(std::make_unique<Impl>(poller)) {}
TcpProbe::~TcpProbe() = default;

void TcpProbe::start(ProbeId id, const std::string& host, std::uint16_t port, milliseconds timeout, Handler handler) {
    MC_ASSERT(handler != nullptr && !impl_->probes.contains(id));
    auto& probe = impl_->probes[id];
    probe.where = (host.find(':') != std::string::npos ? "[" + host + "]" : host) + ":" + std::to_string(port);
    probe.handler = std::move(handler);
    probe.deadline = read_clock().instant + timeout;
    probe.connector =
        std::make_unique<Connector>(impl_->poller, ConnectTarget{"", host, port}, timeout,
                                    [impl = impl_.get(), id](Result<int> fd) { impl->on_connected(id, fd); });
}

void TcpProbe::cancel(ProbeId id) {
    auto node = impl_->probes.extract(id);
    if (!node.empty()) impl_->close_fd(node.mapped());
}

}  // namespace mc::io
