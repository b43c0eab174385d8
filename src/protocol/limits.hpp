#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

/// Every bound of the protocol under its name. docs/protocol.md "Limits" is the
/// same table; a decoder refuses what is over (too_large or bad_message) and
/// loses nothing else.
namespace mc::limits {

// Messages.
inline constexpr std::size_t header_bytes = 32;
inline constexpr std::size_t message_bytes_max = 1024 * 1024;  ///< each frame; ZMQ_MAXMSGSIZE
inline constexpr std::size_t frames_max = 3;                   ///< header, body, data
inline constexpr std::size_t body_depth_max = 16;
inline constexpr std::size_t body_items_max = 16384;    ///< in one msgpack array
inline constexpr std::size_t body_entries_max = 65536;  ///< in all lists of a body: a byte can stand for a large entry

// Strings, in bytes.
inline constexpr std::size_t name_bytes_max = 63;     ///< VM and node names: one DNS label
inline constexpr std::size_t target_bytes_max = 127;  ///< what names a VM: NAME, OWNER/NAME or an id
inline constexpr std::size_t image_bytes_max = 255;
inline constexpr std::size_t host_bytes_max = 255;
inline constexpr std::size_t endpoint_bytes_max = 255;
inline constexpr std::size_t key_line_bytes_max = 8192;  ///< one SSH public key line
inline constexpr std::size_t password_hash_bytes_max = 255;
inline constexpr std::size_t env_bytes_max = 4096;  ///< one NAME=value
inline constexpr std::size_t label_key_bytes_max = 63;
inline constexpr std::size_t label_value_bytes_max = 255;
inline constexpr std::size_t reason_bytes_max = 1024;  ///< sentences: errors, reasons, progress
inline constexpr std::size_t word_bytes_max = 64;      ///< versions, event kinds, stages, users
inline constexpr std::size_t argument_bytes_max = 131072;
inline constexpr std::size_t path_bytes_max = 4096;
inline constexpr std::size_t setup_bytes_max = 64 * 1024;  ///< a set-up script

// Lists, in entries.
inline constexpr std::size_t keys_max = 64;
inline constexpr std::size_t env_max = 128;
inline constexpr std::size_t labels_max = 32;
inline constexpr std::size_t arguments_max = 4096;
inline constexpr std::size_t batch_max = 1000;  ///< VMs one request may create or act on
inline constexpr std::size_t page_max = 1000;   ///< entries of one list, events or jobs page
inline constexpr std::size_t inventory_max = 4096;
inline constexpr std::size_t spares_max = 64;  ///< started containers of one node for VMs to come
inline constexpr std::size_t nodes_max = 10000;
inline constexpr std::size_t images_max = 1000;        ///< that are told of one node
inline constexpr std::size_t client_keys_max = 10000;  ///< keys and tokens of a cloud

// Values of a VM.
inline constexpr std::uint32_t cpus_milli_min = 10;
inline constexpr std::uint32_t cpus_milli_max = 1024 * 1000;
inline constexpr std::uint64_t memory_bytes_min = 16ULL << 20;
inline constexpr std::uint64_t memory_bytes_max = 64ULL << 40;
inline constexpr std::uint32_t pids_min = 16;
inline constexpr std::uint32_t pids_max = 4194304;
inline constexpr std::uint64_t ttl_seconds_max = 365ULL * 24 * 3600;

// Streams.
inline constexpr std::size_t chunk_bytes_max = 64 * 1024;
inline constexpr std::uint32_t window_bytes_default = 256 * 1024;
inline constexpr std::uint32_t window_bytes_max = 4 * 1024 * 1024;

// Times.
inline constexpr seconds heartbeat_interval{1};       ///< where the broker's heartbeats say no other
inline constexpr seconds heartbeat_interval_max{30};  ///< that they may say
inline constexpr int heartbeats_missed_max = 4;       ///< none for as many intervals: the peer is silent
inline constexpr seconds stream_keepalive{5};         ///< a client with an open stream says something this often
inline constexpr seconds stream_silence_max{15};      ///< else its stream is cancelled
inline constexpr seconds beacon_interval{1};          ///< events channel
inline constexpr seconds request_deadline_default{120};
inline constexpr seconds request_deadline_max{3600};
inline constexpr seconds drain_deadline_max{2592000};  ///< 30 days

// Join tokens.
inline constexpr std::uint64_t token_ttl_seconds_max = 2592000;  ///< 30 days
inline constexpr std::uint32_t token_uses_max = 1000;

}  // namespace mc::limits

/// What a request means when it leaves a field empty or zero.
namespace mc::defaults {
inline constexpr const char* image = "minicloud/vm:latest";
inline constexpr std::uint32_t cpus_milli = 1000;
inline constexpr std::uint64_t memory_bytes = 512ULL << 20;
inline constexpr std::uint32_t pids = 512;
inline constexpr const char* username = "root";
inline constexpr std::uint64_t token_ttl_seconds = 900;
inline constexpr std::uint32_t token_uses = 1;

inline constexpr const char* clients_endpoint = "tcp://127.0.0.1:7710";
inline constexpr const char* workers_endpoint = "tcp://127.0.0.1:7711";
inline constexpr const char* events_endpoint = "tcp://127.0.0.1:7712";
}  // namespace mc::defaults
