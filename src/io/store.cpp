#include "io/store.hpp"

#include <SQLiteCpp/SQLiteCpp.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "io/errno_text.hpp"

namespace mc::io {
namespace {

/// PRAGMA user_version of the files this version writes and reads.
constexpr int schema_version = 1;
/// A broker that is just leaving gets this long to let go.
constexpr int open_wait_ms = 2000;

constexpr const char* mend_damage =
    "put back a copy of the state directory, or move it away to begin with an empty one";

tl::unexpected<Error> store_error(const std::filesystem::path& file, const std::string& what) {
    return fail(ErrorCode::store_failed, "the store " + file.string() + " " + what);
}

/// Takes from others what they may do with that file, if it is there. The errno of what failed, or 0.
int hide(const std::string& path) {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return errno == ENOENT ? 0 : errno;
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) == 0) return 0;
    return ::chmod(path.c_str(), 0600) == 0 ? 0 : errno;
}

bool is_full(int os_error) {
    return os_error == ENOSPC || os_error == EDQUOT || os_error == EFBIG;
}

/// `os_error`: what the system said to SQLite, 0 when not known.
tl::unexpected<Error> store_error(const std::filesystem::path& file, const SQLite::Exception& e, int os_error) {
    const std::string dir = file.parent_path().string();
    const int code = e.getErrorCode();
    if (code == SQLITE_FULL || (code == SQLITE_IOERR && is_full(os_error))) {
        return store_error(file, "can't be written: the disk is full; free space in " + dir);
    }
    if (code == SQLITE_READONLY && os_error == EROFS) {
        return store_error(file, "can't be written: its file system is read-only; mount it for writing again");
    }
    switch (code) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return store_error(file, "is in use by another process; stop that one, or choose another --state-dir");
        case SQLITE_NOTADB:
        case SQLITE_CORRUPT:
            return store_error(file, std::string("is damaged (") + e.what() + "); " + mend_damage);
        case SQLITE_IOERR:
            return store_error(file, std::string("can't be used: ") + e.what() +
                                         (os_error != 0 ? " (" + errno_text(os_error) + ")" : "") +
                                         "; look at the disk of " + dir + " and at the system's log");
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_CANTOPEN:
            return store_error(file, std::string("can't be opened for writing (") + e.what() +
                                         "); check the owner and mode of the file and its directory");
        default:
            return store_error(file, std::string("can't be used: ") + e.what());
    }
}

/// Whether the connection itself may be at fault, so that a new one is worth a try.
bool is_suspect(const SQLite::Exception& e) {
    const int code = e.getErrorCode();
    return code != SQLITE_FULL && code != SQLITE_TOOBIG;
}

/// A database file that is gone or empty beside a write-ahead log that is not: SQLite
/// would throw the log away and begin anew.
Result<void> check_pair(const std::filesystem::path& file) {
    std::error_code none;
    const auto log = std::filesystem::file_size(file.string() + "-wal", none);
    if (none || log == 0) return {};
    const auto size = std::filesystem::file_size(file, none);
    if (!none && size != 0) return {};
    return store_error(file, std::string("is missing or empty, but its write-ahead log is there; ") + mend_damage);
}

}  // namespace

struct Store::Impl {
    explicit Impl(const std::filesystem::path& path) : db(path.string(), SQLite::OPEN_READWRITE, open_wait_ms) {}

    /// Errors end as SQLite::Exception or a sentence.
    std::optional<std::string> prepare() {
        // Exclusive before the first access: the lock is then held until we close or die, and WAL needs no shared
        // memory.
        db.exec("PRAGMA locking_mode=EXCLUSIVE");
        db.exec("PRAGMA journal_mode=WAL");
        db.exec("PRAGMA synchronous=FULL");
        db.exec("BEGIN EXCLUSIVE; COMMIT");
        if (db.execAndGet("PRAGMA journal_mode").getString() != "wal") return "can't keep a write-ahead log there";
        const std::string verdict = db.execAndGet("PRAGMA quick_check(1)").getString();
        if (verdict != "ok") {
            return "is damaged (" + verdict + "); " + mend_damage;
        }
        const int version = db.execAndGet("PRAGMA user_version").getInt();
        if (version > schema_version) {
            return "was written by a newer version of minicloud (format " + std::to_string(version) +
                   ", this one knows " + std::to_string(schema_version) + "); run that version";
        }
        if (version == 0) {
            SQLite::Transaction transaction(db);
            db.exec(
                "CREATE TABLE entries (tbl INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, "
                "PRIMARY KEY (tbl, key)) WITHOUT ROWID");
            db.exec("PRAGMA user_version=" + std::to_string(schema_version));
            transaction.commit();
        }
        put.emplace(db,
                    "INSERT INTO entries (tbl, key, value) VALUES (?, ?, ?) "
                    "ON CONFLICT (tbl, key) DO UPDATE SET value = excluded.value");
        erase.emplace(db, "DELETE FROM entries WHERE tbl = ? AND key = ?");
        return std::nullopt;
    }

    void apply(const StoreChange& change) {
        SQLite::Statement& statement = change.value ? *put : *erase;
        statement.reset();
        statement.bind(1, static_cast<int>(change.table));
        bind_bytes(statement, 2, change.key);
        if (change.value) bind_bytes(statement, 3, *change.value);
        statement.exec();
        // Not left open: an unfinished statement would keep the transaction from ending.
        statement.reset();
    }

    /// The bytes outlive the execution, so nothing is copied.
    static void bind_bytes(SQLite::Statement& statement, int index, const std::string& bytes) {
        statement.bindNoCopy(index, static_cast<const void*>(bytes.data()), static_cast<int>(bytes.size()));
    }

    SQLite::Database db;
    std::optional<SQLite::Statement> put;
    std::optional<SQLite::Statement> erase;
};

Store::Store(std::filesystem::path file, std::unique_ptr<Impl> impl) : file_(std::move(file)), impl_(std::move(impl)) {}
Store::~Store() = default;
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

Result<std::unique_ptr<Store::Impl>> Store::connect(const std::filesystem::path& file) {
    try {
        auto impl = std::make_unique<Impl>(file);
        if (const auto complaint = impl->prepare()) return store_error(file, *complaint);
        return impl;
    } catch (const SQLite::Exception& e) {
        return store_error(file, e, 0);
    }
}

Result<Store> Store::open(const std::filesystem::path& file) {
    if (auto whole = check_pair(file); !whole) return fail(whole.error());
    // Made here and not by SQLite for the mode; its -wal file takes over the same. Only when it is not there:
    // closing any descriptor of a file drops the POSIX locks that this process has on it.
    const int fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 && errno != EEXIST) return store_error(file, "can't be made: " + errno_text(errno));
    if (fd >= 0) ::close(fd);
    // A copy that was put back has whatever mode it was copied with.
    for (const auto* suffix : {"", "-wal", "-shm"}) {
        if (const int error = hide(file.string() + suffix)) {
            const std::string name = file.string() + suffix;
            return store_error(name, "may be read by others, and can't be hidden from them: " + errno_text(error) +
                                         "; as root: chown " + std::to_string(::geteuid()) + " " + name +
                                         "; chmod 600 " + name);
        }
    }
    auto impl = connect(file);
    if (!impl) return fail(impl.error());
    return Store(file, std::move(*impl));
}

Result<void> Store::mend_connection() {
    if (impl_ && !suspect_) return {};
    if (impl_) {
        // What is in the write-ahead log stays there: a file that may be damaged is not written to.
        sqlite3_db_config(impl_->db.getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
        impl_.reset();
    }
    if (auto whole = check_pair(file_); !whole) return whole;
    auto impl = connect(file_);
    if (!impl) return fail(impl.error());
    impl_ = std::move(*impl);
    suspect_ = false;
    return {};
}

tl::unexpected<Error> Store::failed(const SQLite::Exception& e) {
    suspect_ = is_suspect(e);
    return store_error(file_, e, sqlite3_system_errno(impl_->db.getHandle()));
}

Result<void> Store::load(const Visit& visit) {
    if (auto usable = mend_connection(); !usable) return usable;
    try {
        SQLite::Statement rows(impl_->db, "SELECT tbl, key, value FROM entries ORDER BY tbl, key");
        while (rows.executeStep()) {
            const auto view = [&](int column) {
                const SQLite::Column bytes = rows.getColumn(column);
                // The blob before its length: SQLite may convert on the first, which changes the second.
                const auto* data = static_cast<const char*>(bytes.getBlob());
                return std::string_view(data, static_cast<std::size_t>(bytes.getBytes()));
            };
            visit(static_cast<std::uint8_t>(rows.getColumn(0).getInt()), view(1), view(2));
        }
        return {};
    } catch (const SQLite::Exception& e) {
        return failed(e);
    }
}

Result<void> Store::commit(std::span<const StoreChange> changes) {
    if (changes.empty()) return {};
    if (auto usable = mend_connection(); !usable) return usable;
    try {
        SQLite::Transaction transaction(impl_->db);  // rolls back when it goes without commit()
        try {
            for (const auto& change : changes) impl_->apply(change);
            transaction.commit();
            return {};
        } catch (const SQLite::Exception& e) {
            // Before the rollback, which has an error number of its own. A failed statement is
            // left in error; reset for the next commit.
            auto error = failed(e);
            impl_->put->tryReset();
            impl_->erase->tryReset();
            return error;
        }
    } catch (const SQLite::Exception& e) {
        return failed(e);
    }
}

}  // namespace mc::io
