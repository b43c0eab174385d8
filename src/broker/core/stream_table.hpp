#pragma once

#include <boost/intrusive/list.hpp>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "broker/core/effects.hpp"
#include "protocol/message.hpp"

namespace mc::broker {

/// What is relayed between a client and a worker: which client's request goes with which node's job. An exec, logs or
/// tunnel stream, with a VM; or a question about a node's images, which has no data.
struct Stream {
    JobId job;
    PeerId client;
    RequestId request;
    protocol::Verb verb = protocol::Verb::exec;
    NodeId node;
    std::string about;  ///< the VM's name, or the node's: for sentences
    Instant client_heard;
    std::string owner;   ///< name of who opened it
    std::string key;     ///< the fingerprint of whose key
    std::string action;  ///< in the audit log, where its end is told; "" = it is not
    std::string target;  ///< there: OWNER/NAME of the VM, or the node
    std::string image;   ///< that is pulled or removed
    /// When it is given up. A stream with a VM has none (never), and a client that has to give signs of life.
    Instant deadline = Instant::never();
    // Bytes that may still be sent, as the receiving end has granted them.
    std::uint64_t input_left = 0;   ///< by the client
    std::uint64_t output_left = 0;  ///< by the worker
};

/// Streams that are relayed, not stored: they end with the broker process.
///
/// Pure; owned by BrokerCore; single thread. A Stream stays where it is until it is erased.
class StreamTable {
public:
    StreamTable() = default;
    StreamTable(const StreamTable&) = delete;  // entries point to each other
    StreamTable& operator=(const StreamTable&) = delete;

    /// One with nothing but these. REQUIRES: none of that job, or of that client and request.
    Stream& add(JobId job, const PeerId& client, RequestId request, const std::string& owner);
    void erase(JobId job);
    /// The same request was sent again, over another connection. REQUIRES: it has no such request there.
    void move(JobId job, const PeerId& client);

    [[nodiscard]] Stream* find(JobId job);
    [[nodiscard]] Stream* find(const PeerId& client, RequestId request);
    /// Whoever's it is; of several, any.
    [[nodiscard]] Stream* find_request(RequestId request);

    [[nodiscard]] std::vector<Stream> of_client(const PeerId& client) const;
    [[nodiscard]] std::size_t count_of_client(const PeerId& client) const;
    [[nodiscard]] std::size_t count_of_owner(const std::string& owner) const;
    [[nodiscard]] std::vector<Stream> of_node(NodeId node) const;
    /// Those whose client has said nothing since `since`, and has to.
    [[nodiscard]] std::vector<Stream> quiet_since(Instant since) const;
    /// Those whose deadline has come.
    [[nodiscard]] std::vector<Stream> overdue(Instant now) const;
    [[nodiscard]] std::vector<Stream> all() const;

    [[nodiscard]] std::size_t size() const { return by_job_.size(); }

private:
    using Counts = std::map<std::string, std::size_t>;
    struct Entry;
    using Hook = boost::intrusive::list_base_hook<>;
    using OfClient = boost::intrusive::list<Entry, boost::intrusive::base_hook<Hook>>;
    struct Entry : Hook {
        Stream stream;
        OfClient* of_client = nullptr;  ///< in by_client_: this is in it
        Counts::iterator of_owner;      ///< in by_owner_: this is counted there
    };
    void link(Entry& entry, const PeerId& client);
    void unlink(Entry& entry);

    std::unordered_map<JobId, Entry> by_job_;
    /// Ids are random: that two clients have made the same one costs time, and no more.
    std::unordered_multimap<RequestId, Entry*> by_request_;
    std::unordered_map<PeerId, OfClient> by_client_;  ///< none is empty
    Counts by_owner_;                                 ///< none is 0
};

}  // namespace mc::broker
