#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "base/store_change.hpp"

namespace mc::io {

/// What must outlive the process: values under (table, key), in one SQLite file
/// (WAL, synchronous=FULL: what commit() acknowledged survives a power cut,
/// pitfalls 17). No SQL outside this class; a later store keeps this interface.
///
/// Single thread; calls block for the disk (0.4 ms at the median, some ms at
/// worst). One process has it at a time.
class Store {
public:
    /// Opens or makes `file` (mode 0600; its directory must exist). Checks its integrity.
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
    /// Errors: store_failed (disk full, I/O error): nothing of it is in the store, and a later commit may work.
    [[nodiscard]] Result<void> commit(std::span<const StoreChange> changes);

private:
    struct Impl;
    explicit Store(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace mc::io
