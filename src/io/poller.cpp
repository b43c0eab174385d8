#include "io/poller.hpp"

#include <zmq.h>

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "io/clock.hpp"

namespace mc::io {
namespace {

/// Level of patience of one zmq_poll: far deadlines are looked at again.
constexpr milliseconds wait_max = std::chrono::hours(1);

short to_events(Interest interest) {
    return static_cast<short>((interest.read ? ZMQ_POLLIN : 0) | (interest.write ? ZMQ_POLLOUT : 0));
}

/// A callback with the identity of one add: a descriptor's number comes back
/// right after close, and must not be taken for the old one.
struct Entry {
    Interest interest;
    Poller::Callback callback;
    std::uint64_t serial = 0;
};

struct Source {
    std::function<Instant()> next;
    std::function<void(Instant)> due;
};

struct Ready {
    void* socket;
    int fd;
    std::uint64_t serial;
    Readiness readiness;
};

}  // namespace

struct Poller::Impl {
    std::map<void*, std::shared_ptr<Entry>> sockets;
    std::map<int, std::shared_ptr<Entry>> fds;
    std::map<SourceId, std::shared_ptr<Source>> sources;
    std::uint64_t last_serial = 0;
    std::vector<zmq_pollitem_t> items;
    std::vector<std::uint64_t> serials;  ///< of items, by index
    bool items_stale = true;

    void rebuild_items() {
        items.clear();
        serials.clear();
        const auto put = [&](void* socket, int fd, const Entry& entry) {
            // Without interest poll() would still report a hang-up, in every turn.
            if (!entry.interest.read && !entry.interest.write) return;
            items.push_back(zmq_pollitem_t{socket, fd, to_events(entry.interest), 0});
            serials.push_back(entry.serial);
        };
        for (const auto& [socket, entry] : sockets) put(socket, 0, *entry);
        for (const auto& [fd, entry] : fds) put(nullptr, fd, *entry);
        items_stale = false;
    }

    [[nodiscard]] std::shared_ptr<Entry> find(const Ready& ready) const {
        std::shared_ptr<Entry> entry;
        if (ready.socket != nullptr) {
            if (const auto at = sockets.find(ready.socket); at != sockets.end()) entry = at->second;
        } else if (const auto at = fds.find(ready.fd); at != fds.end()) {
            entry = at->second;
        }
        return entry && entry->serial == ready.serial ? entry : nullptr;
    }

    [[nodiscard]] milliseconds time_to_wait(milliseconds max) const {
        milliseconds wait = std::min(max, wait_max);
        if (sources.empty()) return std::max(wait, milliseconds(0));
        const Instant now = read_clock().instant;
        for (const auto& [id, source] : sources) {
            const Instant next = source->next();
            if (next != Instant::never()) wait = std::min(wait, next - now);
        }
        return std::max(wait, milliseconds(0));
    }

    bool call_ready(const std::vector<Ready>& ready) {
        bool called = false;
        for (const auto& one : ready) {
            const auto entry = find(one);  // shared: the callback may remove its own entry
            if (!entry) continue;
            entry->callback(one.readiness);
            called = true;
        }
        return called;
    }

    bool call_due() {
        if (sources.empty()) return false;
        bool called = false;
        const Instant now = read_clock().instant;
        std::vector<std::pair<SourceId, std::shared_ptr<Source>>> all(sources.begin(), sources.end());
        for (const auto& [id, source] : all) {
            if (!sources.contains(id) || source->next() > now) continue;
            source->due(now);
            called = true;
        }
        return called;
    }

    template <class Map, class Key>
    void add(Map& map, Key key, Interest interest, Callback callback) {
        MC_ASSERT(callback != nullptr);
        auto entry = std::make_shared<Entry>(Entry{interest, std::move(callback), ++last_serial});
        MC_ASSERT(map.emplace(key, std::move(entry)).second);
        items_stale = true;
    }

    template <class Map, class Key>
    void modify(Map& map, Key key, Interest interest) {
        const auto at = map.find(key);
        MC_ASSERT(at != map.end());
        if (at->second->interest == interest) return;
        at->second->interest = interest;
        items_stale = true;
    }
};

Poller::Poller() : impl_(std::make_unique<Impl>()) {}
Poller::~Poller() = default;

void Poller::add(Socket& socket, Interest interest, Callback callback) {
    impl_->add(impl_->sockets, socket.handle(), interest, std::move(callback));
}
void Poller::modify(Socket& socket, Interest interest) {
    impl_->modify(impl_->sockets, socket.handle(), interest);
}
void Poller::remove(Socket& socket) {
    if (impl_->sockets.erase(socket.handle()) > 0) impl_->items_stale = true;
}

void Poller::add_fd(int fd, Interest interest, Callback callback) {
    MC_ASSERT(fd >= 0);
    impl_->add(impl_->fds, fd, interest, std::move(callback));
}
void Poller::modify_fd(int fd, Interest interest) {
    impl_->modify(impl_->fds, fd, interest);
}
void Poller::remove_fd(int fd) {
    if (impl_->fds.erase(fd) > 0) impl_->items_stale = true;
}

Poller::SourceId Poller::add_deadlines(std::function<Instant()> next, std::function<void(Instant)> due) {
    const SourceId id = ++impl_->last_serial;
    impl_->sources.emplace(id, std::make_shared<Source>(Source{std::move(next), std::move(due)}));
    return id;
}
void Poller::remove_deadlines(SourceId id) {
    impl_->sources.erase(id);
}

bool Poller::wait(milliseconds max) {
    if (impl_->items_stale) impl_->rebuild_items();
    const milliseconds wait = impl_->time_to_wait(max);
    auto& items = impl_->items;
    const int count = zmq_poll(items.data(), static_cast<int>(items.size()), static_cast<long>(wait.count()));
    std::vector<Ready> ready;
    for (std::size_t i = 0; count > 0 && i < items.size(); ++i) {
        const auto events = static_cast<unsigned>(items[i].revents);
        if (events == 0) continue;
        const Readiness readiness{(events & ZMQ_POLLIN) != 0, (events & ZMQ_POLLOUT) != 0, (events & ZMQ_POLLERR) != 0};
        ready.push_back(Ready{items[i].socket, items[i].fd, impl_->serials[i], readiness});
    }
    const bool called = impl_->call_ready(ready);
    return impl_->call_due() || called;
}

}  // namespace mc::io
