#pragma once

#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "protocol/limits.hpp"

/// The events channel. docs/protocol.md "Events".
namespace mc::protocol {

/// The words in Event::kind. Open-ended on the wire: print one you don't know.
namespace event_kind {
inline constexpr const char* vm_pending = "vm.pending";
inline constexpr const char* vm_creating = "vm.creating";
inline constexpr const char* vm_progress = "vm.progress";  ///< e.g. an image pull
inline constexpr const char* vm_starting = "vm.starting";  ///< the broker starts it again; `reason` says why
inline constexpr const char* vm_running = "vm.running";
inline constexpr const char* vm_stopped = "vm.stopped";
inline constexpr const char* vm_renamed = "vm.renamed";    ///< `reason` says what it was called
inline constexpr const char* vm_extended = "vm.extended";  ///< its end was moved; `reason` says to when
inline constexpr const char* vm_deleting = "vm.deleting";
inline constexpr const char* vm_deleted = "vm.deleted";
inline constexpr const char* vm_failed = "vm.failed";
inline constexpr const char* vm_unknown = "vm.unknown";
inline constexpr const char* vm_replaced = "vm.replaced";  ///< gone for good; one of its name is made elsewhere
inline constexpr const char* vm_cleanup = "vm.cleanup";    ///< a removal nobody asked for begins; `reason` says why
inline constexpr const char* node_joined = "node.joined";
inline constexpr const char* node_ready = "node.ready";
inline constexpr const char* node_not_ready = "node.not_ready";
inline constexpr const char* node_silent = "node.silent";
inline constexpr const char* node_lost = "node.lost";  ///< silent for --lost-after: what may be replaced is
inline constexpr const char* node_cordoned = "node.cordoned";
inline constexpr const char* node_uncordoned = "node.uncordoned";
inline constexpr const char* node_draining = "node.draining";
inline constexpr const char* node_drained = "node.drained";  ///< nothing runs on it any more
inline constexpr const char* node_forgotten = "node.forgotten";
inline constexpr const char* broker_started = "broker.started";
inline constexpr const char* broker_stopping = "broker.stopping";
}  // namespace event_kind

/// Topics: the first frame of a message on the events channel.
inline constexpr const char* topic_all = "events";        ///< every event, for who may see all
inline constexpr const char* topic_of_owners = "event/";  ///< what topic_of() begins with
inline constexpr const char* topic_beacon = "beacon";

struct Event {
    EventSeq seq;
    Epoch epoch;
    WallTime time;
    std::string kind;
    VmId vm;           ///< zero for node and broker events
    std::string name;  ///< the VM's
    std::string node;
    std::string reason;  ///< a sentence; may be empty
    RequestId request;   ///< of the request that caused it; zero = none
    std::string owner;   ///< of the VM; "" for node and broker events

    bool operator==(const Event&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.seq);
        archive(self.epoch);
        archive(self.time);
        archive(self.kind, limits::word_bytes_max);
        archive(self.vm);
        archive(self.name, limits::name_bytes_max);
        archive(self.node, limits::name_bytes_max);
        archive(self.reason, limits::reason_bytes_max);
        archive(self.request);
        archive(self.owner, limits::name_bytes_max);
    }
};

/// The topic of the events about one owner's VMs: `event/OWNER/`; `event//` of those about nodes and the broker.
/// Whoever may see one owner's events only is subscribed to that one only.
[[nodiscard]] inline std::string topic_of(const std::string& owner) {
    return topic_of_owners + owner + '/';
}

/// What is published at once under one topic, in order. Under topic_all without a hole.
struct EventBatch {
    std::vector<Event> events;

    bool operator==(const EventBatch&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.events, limits::page_max);
    }
};

/// Published every beacon_interval and when a client asks: how far the log is.
struct Beacon {
    CloudId cloud;
    Epoch epoch;
    EventSeq last;

    bool operator==(const Beacon&) const = default;
    template <class Self, class Archive>
    static void fields(Self& self, Archive& archive) {
        archive(self.cloud);
        archive(self.epoch);
        archive(self.last);
    }
};

}  // namespace mc::protocol
