#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "base/store_change.hpp"

namespace SQLite {
class Exception;
}

namespace mc::io {

/// What must outlive the process: values under (table, key), in one SQLite file
/// (WAL, synchronous=FULL: what commit() acknowledged survives a power cut,
/// pitfalls 17). No SQL outside this class; a later store keeps this interface.
///
/// Single thread; calls block for the disk (0.4 ms at the median, some ms at
/// worst). One process has it at a time.
class Store {
public:
    /// Opens or makes `file` (mode 0600, also where it had another; its directory must exist). Checks its integrity;
    /// repairs nothing, and never begins anew where there was something.
    /// Errors: store_failed (not readable, damaged, made by a newer version, in use by another process).
    [[nodiscard]] static Result<Store> open(const std::filesystem::path& file);

    ~Store();
    Store(Store&&) noexcept;
    Store& operator=(Store&&) noexcept;

    using Visit = std::function<void(std::uint8_t table, std::string_view key, std::string_view value)>;
    /// Everything, by table and then by key as bytes. The views live until `visit` returns.
    /// Errors: store_failed.
    [[nodiscard]] Result<void> load(const Visit& visit);

    /// All changes in the order given, or none; durable when it returns. No changes: nothing is written.
    /// Errors: store_failed (disk full, I/O error, damaged, read-only file system): nothing of it
    /// is seen by load(), and a later commit may work: the connection is made anew where it may be at fault.
    [[nodiscard]] Result<void> commit(std::span<const StoreChange> changes);

private:
    struct Impl;
    Store(std::filesystem::path file, std::unique_ptr<Impl> impl);
    [[nodiscard]] static Result<std::unique_ptr<Impl>> connect(const std::filesystem::path& file);
    [[nodiscard]] Result<void> mend_connection();
    [[nodiscard]] tl::unexpected<Error> failed(const SQLite::Exception& e);

    std::filesystem::path file_;
    std::unique_ptr<Impl> impl_;  ///< null when the file could not be opened again
    bool suspect_ = false;        ///< the connection's last failure may be its own
};

}  // namespace mc::io
